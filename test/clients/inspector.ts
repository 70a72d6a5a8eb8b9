/** The Inspector's command line: one process for each request, and its exit code says what came of it. */
import { spawn } from "node:child_process";

import { inspectorCli, nodeBinary } from "../tools/install.ts";
import { type Answer, type Arguments, answerOf } from "./caller.ts";
import type { Command } from "./connect.ts";
import type { Era } from "./v2.ts";

/** What the Inspector's exit code is when the tool itself reports an error. */
const toolErrorExit = 5;
const nodeMajor = 22;
/** Generous: on a loaded machine the start of the Inspector alone takes a while. */
const connectMs = 60_000;
const deadlineMs = 90_000;

export type Inspection = {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type Inspector = {
  tools(target: string | Command, era: Era): Promise<readonly string[]>;
  call(target: string | Command, era: Era, tool: string, args?: Arguments): Promise<Answer>;
};

/** @param home where the Inspector may keep what it keeps. */
export async function inspector(home: string): Promise<Inspector> {
  const [node, cli] = [await nodeBinary(nodeMajor), await inspectorCli()];
  const inspect = (target: string | Command, era: Era, rest: readonly string[]): Promise<Inspection> => {
    const protocol = [
      "--protocol-era",
      era === "2025" ? "legacy" : "modern",
      "--format",
      "json",
      "--quiet",
      "--connect-timeout",
      `${connectMs}`,
    ];
    const [where, env] =
      typeof target === "string"
        ? [[target, "--transport", "http"], {}]
        : [[target.command, ...target.args, "--transport", "stdio"], target.env];
    return run(node, [cli, "--cli", ...where, ...protocol, ...rest], { ...process.env, ...env, HOME: home });
  };
  return {
    async tools(target, era) {
      const { tools } = resultOf(await inspect(target, era, ["--method", "tools/list"]), [0]);
      if (!Array.isArray(tools)) throw new Error("the Inspector listed no tools");
      return tools.map((tool: { readonly name: string }) => tool.name);
    },
    async call(target, era, tool, args = {}) {
      const rest = ["--method", "tools/call", "--tool-name", tool, "--tool-args-json", JSON.stringify(args)];
      return answerOf(resultOf(await inspect(target, era, rest), [0, toolErrorExit]));
    },
  };
}

function resultOf(inspection: Inspection, expected: readonly number[]): Record<string, unknown> {
  const { exitCode, stdout, stderr } = inspection;
  if (exitCode === null || !expected.includes(exitCode)) {
    throw new Error(`the Inspector ended with ${exitCode}:\n${stdout}\n${stderr}`);
  }
  const parsed: unknown = JSON.parse(stdout);
  if (typeof parsed !== "object" || parsed === null) throw new Error(`the Inspector printed no object: ${stdout}`);
  // In its JSON format the payload is wrapped where the version of the Inspector says more than the result.
  return "result" in parsed ? (parsed.result as Record<string, unknown>) : (parsed as Record<string, unknown>);
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Inspection> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(deadlineMs);
    const child = spawn(command, args, { env, signal, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { conformanceCli, nodeBinary } from "../tools/install.ts";
import { readResults, type ScenarioResult } from "./results.ts";

/** The suite uses functions that Node 20 lacks. The server under test does not have to run on the same version. */
const nodeMajor = 22;
const perScenarioMs = 30_000;

export type Revision = "2025-11-25" | "2026-07-28";

export type SuiteOptions = {
  readonly revision: Revision;
  /** The MCP endpoint of the server under test. */
  readonly url: string;
  /** Ends the suite, and throws, when aborted. */
  readonly signal: AbortSignal;
};

export type SuiteRun = {
  readonly exitCode: number | null;
  readonly results: readonly ScenarioResult[];
  /** What the suite printed, for when something fails. */
  readonly output: string;
};

/** Runs exactly what a revision requires, and what it reports besides, against a server. */
export async function runSuite({ revision, url, signal }: SuiteOptions): Promise<SuiteRun> {
  const [node, cli] = [await nodeBinary(nodeMajor), await conformanceCli()];
  const dir = await mkdtemp(join(tmpdir(), "holdfast-official-"));
  try {
    const arguments_ = [
      "server",
      "--url",
      url,
      "--requirements",
      revision,
      "--timeout",
      String(perScenarioMs),
      "-o",
      dir,
    ];
    const { exitCode, output } = await run(node, [cli, ...arguments_], dir, signal);
    return { exitCode, output, results: await readResults(dir) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, signal, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, output }));
  });
}

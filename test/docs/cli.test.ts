/**
 * The transcripts of docs/cli.md are run again, beside a real server: what they show has to be what one sees. What differs
 * from run to run (ids, times, figures) is masked on both sides. UPDATE_DOCS=1 writes them anew.
 */
import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

import { valueOf } from "../clients/caller.ts";
import {
  removeFolder,
  runServer,
  type ServerProcess,
  serverCommand,
  startServer,
  temporaryFolder,
} from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";

const page = fileURLToPath(new URL("../../docs/cli.md", import.meta.url));

let dir: string;
let server: ServerProcess;
/** What the page calls things, and what they are called here. */
const names = new Map<string, string>();

beforeAll(async () => {
  dir = await temporaryFolder();
  server = await startServer({ dir, store: `sqlite:${join(dir, "state.db")}` });
  names.set("http://127.0.0.1:3000/mcp", server.url);
  await using client = await connect(server.url, "2026");
  const { session_id } = await valueOf(client.call("create_session", { label: "tidy the archive" }));
  for (const [action, details] of [
    ["searched", { for: "duplicates" }],
    ["moved", { files: 12 }],
    ["asked", null],
  ]) {
    await client.call("record_action", { session_id, action, details });
  }
  await client.call("set_preference", { session_id, key: "language", value: "de" });
  const { workflow_id } = await valueOf(client.call("start_workflow", { name: "archive", steps: ["sort", "pack"] }));
  await client.call("complete_step", { workflow_id, step_id: "sort", agent_id: "planner" });
  await client.call("complete_step", { workflow_id, step_id: "pack", agent_id: "packer", next_phase: "done" });
  names.set("ses_7JvXW2mTq9RkLb0ZcPyD4s", String(session_id));
  names.set("wf_3HnQe8sUd1VtGa6YxKoC5r", String(workflow_id));
  await prepareShell();
});
afterAll(async () => {
  await server.stop();
  await removeFolder(dir);
});

/** `holdfast` as a word, and a store of somebody's own. */
async function prepareShell(): Promise<void> {
  const { command, args } = serverCommand([]);
  await mkdir(join(dir, "bin"));
  const shim = join(dir, "bin", "holdfast");
  await writeFile(shim, `#!/bin/sh\nexec "${command}" "${args[0] ?? ""}" "$@"\n`);
  await chmod(shim, 0o755);
  const memory = import.meta.resolve("holdfast/stores/memory");
  const source = `import { memoryStore } from ${JSON.stringify(memory)};\nexport const openStore = async () => ({ store: await memoryStore() });\n`;
  await writeFile(join(dir, "store.mjs"), source);
}

/** What a terminal shows of a command, its errors among its answers. */
async function shown(line: string): Promise<string> {
  const { env } = serverCommand([], { HOLDFAST_STORE: "sqlite:./state.db" });
  const path = `${join(dir, "bin")}${delimiter}${env["PATH"] ?? ""}`;
  const options = { cwd: dir, env: { ...env, PATH: path }, timeout: 60_000 };
  const ran = promisify(execFile)("bash", ["-c", `{ ${renamed(line, names)}; } 2>&1`], options);
  const stdout = await ran.then(
    (done) => done.stdout,
    // What fails has said why, which is what is shown.
    (failure: unknown) => String(failure instanceof Error && "stdout" in failure ? failure.stdout : failure),
  );
  const back = new Map([...names].map(([called, is]) => [is, called]));
  back.set(`${dir}/`, "/srv/holdfast/");
  return renamed(stdout, back);
}

function renamed(text: string, by: ReadonlyMap<string, string>): string {
  let result = text;
  for (const [from, to] of by) result = result.replaceAll(from, to);
  return result;
}

type Block = {
  readonly whole: string;
  readonly commands: readonly { readonly line: string; readonly output: string }[];
};

function blocksOf(markdown: string): readonly Block[] {
  return [...markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([whole, inside = ""]) => ({
    whole,
    commands: inside
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const end = text.indexOf("\n");
        return { line: text.slice(0, end), output: text.slice(end + 1) };
      }),
  }));
}

/** Figures that depend on the machine and the moment. */
const measured = /^(holdfast (bench|doctor|probe|migrate|export)|tail)/;

function masked(line: string, output: string): string {
  const text = output
    .replaceAll(/\b[a-z]{2,12}_[A-Za-z0-9_-]{20,}/g, "ID")
    .replaceAll(/sha256:[0-9a-f]{64}/g, "DIGEST")
    .replaceAll(/(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])/g, "OWNER")
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z/g, "TIME")
    .replaceAll(/[\d,]+\/s\b/g, "N/s")
    .replaceAll(/, (\d+ h )?(\d+ min )?\d+ s left/g, "")
    .replaceAll(/[ \t]+/g, " ");
  return measured.test(line) ? text.replaceAll(/\d[\d.,]*/g, "N") : text;
}

it("what the page shows is what one sees", async () => {
  const before = await readFile(page, "utf8");
  let after = before;
  const [wanted, found]: [string[], string[]] = [[], []];
  for (const { whole, commands } of blocksOf(before)) {
    let written = "```console\n";
    for (const { line, output } of commands) {
      const seen = await shown(line);
      written += `$ ${line}\n${seen}`;
      wanted.push(`$ ${line}`, masked(line, output));
      found.push(`$ ${line}`, masked(line, seen));
    }
    after = after.replace(whole, () => `${written}\`\`\``);
  }
  if (process.env["UPDATE_DOCS"] === "1") await writeFile(page, after);
  else expect(found).toEqual(wanted);
}, 120_000);

it("every command has its part of the page, and every command in it exists", async () => {
  const { stdout } = await runServer({ args: ["--help"] });
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map((match) => match[1]);
  const markdown = await readFile(page, "utf8");
  const sections = [...markdown.matchAll(/^## holdfast ([a-z]+)$/gm)].map((match) => match[1]);
  // Completion is told among what all have in common.
  expect(new Set(sections)).toEqual(new Set(commands.filter((name) => name !== "completion")));
});

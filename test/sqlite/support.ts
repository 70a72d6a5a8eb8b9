import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** A database path in a folder that goes when the test is over. */
export async function temporaryPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-processes-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "state.db");
}

export type Script = {
  readonly child: ChildProcessWithoutNullStreams;
  /** Every whole line it has printed. */
  readonly lines: readonly string[];
  /** Resolves with how it ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
};

/** Starts a script of this folder; it is killed when the test is over, if it still runs. */
export function start(name: string, args: readonly string[]): Script {
  const child = spawn(process.execPath, [fileURLToPath(new URL(name, import.meta.url)), ...args]);
  child.stderr.pipe(process.stderr);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, lines, ended };
}

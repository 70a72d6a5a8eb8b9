import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { findRoot } from "../tools/root.ts";

export interface FixtureProcess extends AsyncDisposable {
  readonly url: string;
  /** What it wrote on stderr: every error that a client was told of only in general words. */
  errors(): string;
  /** SIGKILL, then waits for the end. */
  kill(): Promise<void>;
}

export type FixtureProcessOptions = {
  /** Default: an SQLite file of its own. */
  readonly store?: string | undefined;
  /** Pin answers to SSE. Default: JSON unless something streams. */
  readonly sse?: boolean | undefined;
  /** Default: any free port. */
  readonly port?: number | undefined;
};

/** The built fixture, on the Node that runs this. */
export async function startFixtureProcess(options: FixtureProcessOptions = {}): Promise<FixtureProcess> {
  const main = join(await findRoot(), ".cache", "build", "test", "official", "fixture", "main.js");
  const dir = await mkdtemp(join(tmpdir(), "holdfast-fixture-"));
  const { store = `sqlite:${join(dir, "state.db")}`, port = 0, sse = false } = options;
  const args = [main, "--store", store, "--port", String(port), ...(sse ? ["--sse"] : [])];
  const child = spawn(process.execPath, args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const killWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", killWithUs);

  const url = await announcedUrl(child.stdout, ended, () => errors);
  return {
    url,
    errors: () => errors,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
      process.off("exit", killWithUs);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function announcedUrl(
  stdout: NodeJS.ReadableStream,
  ended: Promise<void>,
  errors: () => string,
): Promise<string> {
  const lines = createInterface({ input: stdout });
  const announced = new Promise<string>((resolve) => {
    lines.on("line", (line) => {
      const url = /^listening on (\S+)$/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const failed = ended.then((): never => {
    throw new Error(`the fixture ended before it listened:\n${errors()}`);
  });
  // Once it listens, its end is no failure any more.
  failed.catch(() => {});
  return Promise.race([announced, failed]);
}

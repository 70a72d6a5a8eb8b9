/**
 * A script as a process of its own: start it, learn where it listens, stop it, kill it. Everything is addressed by the
 * process id we were given; nothing is ever ended by name.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findRoot } from "../tools/root.ts";
import { poll, within } from "./waiting.ts";

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type LaunchOptions = {
  readonly args?: readonly string[] | undefined;
  /** Added to an environment without any `HOLDFAST_…` variable of ours. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The working directory, and where `XDG_DATA_HOME` points. */
  readonly cwd?: string | undefined;
};

/** A process, whatever it does. */
export type Launched = {
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
  /** Everything written so far. */
  readonly stderr: () => string;
  readonly stdout: () => string;
};

/** A process that listens. */
export interface NodeProcess extends AsyncDisposable {
  readonly pid: number;
  /** As it was announced: `http://HOST:PORT/mcp`. */
  readonly url: string;
  readonly origin: string;
  readonly port: number;
  readonly exited: Promise<Exit>;
  /** Everything written to stderr so far. */
  stderr(): string;
  stdout(): string;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, then waits for the end. */
  stop(deadlineMs?: number): Promise<Exit>;
  /** SIGKILL, then waits for the end. */
  kill(): Promise<Exit>;
}

export function launch(script: string, options: LaunchOptions): Launched {
  const cwd = options.cwd ?? tmpdir();
  const child = spawn(process.execPath, [script, ...(options.args ?? [])], {
    cwd,
    env: cleanEnvironment({ XDG_DATA_HOME: cwd, ...options.env }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  let stdout = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  const killWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", killWithUs);
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once("error", reject);
    // "close" rather than "exit": by then everything it wrote has been read.
    child.once("close", (code, signal) => {
      process.off("exit", killWithUs);
      resolve({ code, signal });
    });
  });
  return { process: child, exited, stderr: () => stderr, stdout: () => stdout };
}

/** A script beside the tests, as it was compiled, once it says where it listens. `path` is below `test/`, without suffix. */
export async function startScript(
  path: string,
  options: LaunchOptions & { readonly deadlineMs?: number | undefined } = {},
): Promise<NodeProcess> {
  return listening(await launchScript(path, options), Date.now() + (options.deadlineMs ?? 30_000));
}

/** The same, for a script that does not listen. */
export async function launchScript(path: string, options: LaunchOptions = {}): Promise<Launched> {
  return launch(join(await findRoot(), ".cache", "build", "test", `${path}.js`), options);
}

/** The process once it has said `listening on URL`. One that does not is killed. */
export async function listening(child: Launched, deadline: number): Promise<NodeProcess> {
  try {
    return running(child, await announcedUrl(child, deadline));
  } catch (error) {
    child.process.kill("SIGKILL");
    await child.exited;
    throw error;
  }
}

/** An environment in which nothing of this test run's settings is left. */
export function cleanEnvironment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    // vitest's own NODE_OPTIONS and our settings must not leak into the server under test.
    const ours = name.startsWith("HOLDFAST_") || name.startsWith("VITEST") || name === "NODE_OPTIONS";
    if (value !== undefined && !ours) clean[name] = value;
  }
  return { ...clean, ...extra };
}

async function announcedUrl(child: Launched, deadline: number): Promise<string> {
  let exit: Exit | undefined;
  void child.exited.then((value) => (exit = value));
  return poll(
    () => {
      const url = /^listening on (http:\/\/\S+)$/m.exec(`${child.stderr()}\n${child.stdout()}`)?.[1];
      if (url === undefined && exit !== undefined) {
        throw new Error(`the server ended before it listened (code ${exit.code}):\n${child.stderr()}`);
      }
      return url;
    },
    "the line that says where the server listens",
    deadline - Date.now(),
  );
}

function running(child: Launched, url: string): NodeProcess {
  const { pid } = child.process;
  if (pid === undefined) throw new Error("the server has no process id");
  const end = async (signal: NodeJS.Signals, deadlineMs: number): Promise<Exit> => {
    child.process.kill(signal);
    return within(child.exited, deadlineMs, () => {
      child.process.kill("SIGKILL");
      return `the server did not end after ${signal}:\n${child.stderr()}`;
    });
  };
  const { origin, port } = new URL(url);
  return {
    pid,
    url,
    origin,
    port: Number(port),
    exited: child.exited,
    stderr: child.stderr,
    stdout: child.stdout,
    signal: (signal) => void child.process.kill(signal),
    stop: (deadlineMs = 30_000) => end("SIGTERM", deadlineMs),
    kill: () => end("SIGKILL", 10_000),
    async [Symbol.asyncDispose]() {
      await end("SIGKILL", 10_000);
    },
  };
}

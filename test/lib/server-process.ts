/**
 * The built server as a child process: start it, reach it, stop it, kill it. Everything is addressed by the process id
 * we were given; nothing is ever ended by name.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const serverBin: string = fileURLToPath(new URL("../../packages/server/bin/holdfast.js", import.meta.url));

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type RunOptions = {
  /** After the bin's path, `serve` included. */
  readonly args?: readonly string[];
  /** Added to an environment without any `HOLDFAST_…` variable of ours. */
  readonly env?: Readonly<Record<string, string>>;
  /** The working directory, and where `XDG_DATA_HOME` points. */
  readonly cwd?: string;
};

export type StartOptions = RunOptions & {
  /** Default: `sqlite:<dir>/state.db`. `"default"` passes no `--store` at all. */
  readonly store?: string;
  /** Where the default store lies. Default: a fresh temporary folder that `stop` and `kill` leave alone. */
  readonly dir?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default 15 seconds. */
  readonly deadlineMs?: number;
};

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  /** `http://HOST:PORT/mcp`, as the server announced it. */
  readonly url: string;
  readonly origin: string;
  readonly port: number;
  readonly dir: string;
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

export type RunResult = Exit & { readonly stdout: string; readonly stderr: string };

/** The command line and environment of the server, for clients that start it themselves (stdio). */
export function serverCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { readonly command: string; readonly args: string[]; readonly env: Record<string, string> } {
  assertBuilt();
  return { command: process.execPath, args: [serverBin, ...args], env: cleanEnvironment(env) };
}

/** Runs the server's command to its end and gives back what it wrote. */
export async function runServer(options: RunOptions & { readonly deadlineMs?: number } = {}): Promise<RunResult> {
  const child = launch(options);
  const exit = await within(child.exited, options.deadlineMs ?? 15_000, () => {
    child.process.kill("SIGKILL");
    return `the command did not end:\n${child.stderr()}`;
  });
  return { ...exit, stdout: child.stdout(), stderr: child.stderr() };
}

/** Starts a command and lets it run. Whoever starts it ends it. */
export function startCommand(options: RunOptions): Command {
  return launch(options);
}

/** Starts `serve` over HTTP and resolves once it is ready (`/readyz` is 200). */
export async function startServer(options: StartOptions = {}): Promise<ServerProcess> {
  const dir = options.dir ?? (await temporaryFolder());
  const store = options.store ?? `sqlite:${join(dir, "state.db")}`;
  const args = ["serve", "--port", String(options.port ?? 0)];
  if (store !== "default") args.push("--store", store);
  const child = launch({ ...options, cwd: options.cwd ?? dir, args: [...args, ...(options.args ?? [])] });
  const deadline = Date.now() + (options.deadlineMs ?? 15_000);
  try {
    const url = await announcedUrl(child, deadline);
    await untilReady(new URL(url).origin, child, deadline);
    return running(child, url, dir);
  } catch (error) {
    child.process.kill("SIGKILL");
    await child.exited;
    throw error;
  }
}

/** A folder of its own for one test. Remove it with `removeFolder`. */
export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "holdfast-test-"));
}

export function removeFolder(dir: string): Promise<void> {
  return rm(dir, { recursive: true, force: true, maxRetries: 5 });
}

/** Asks again every few milliseconds until the answer is not undefined. Throws `what` after the deadline. */
export async function poll<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  what: string,
  deadlineMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export type Command = {
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
  readonly stderr: () => string;
  readonly stdout: () => string;
};

function assertBuilt(): void {
  const main = join(dirname(dirname(serverBin)), "dist", "main.js");
  if (!existsSync(main)) throw new Error(`${main} is missing: run "npm run build" first`);
}

function cleanEnvironment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    // vitest's own NODE_OPTIONS and our settings must not leak into the server under test.
    const ours = name.startsWith("HOLDFAST_") || name.startsWith("VITEST") || name === "NODE_OPTIONS";
    if (value !== undefined && !ours) clean[name] = value;
  }
  return { ...clean, ...extra };
}

function launch(options: RunOptions): Command {
  assertBuilt();
  const cwd = options.cwd ?? tmpdir();
  const child = spawn(process.execPath, [serverBin, ...(options.args ?? [])], {
    cwd,
    env: cleanEnvironment({ XDG_DATA_HOME: cwd, ...options.env }),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  let stdout = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
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

async function announcedUrl(child: Command, deadline: number): Promise<string> {
  let exit: Exit | undefined;
  void child.exited.then((value) => (exit = value));
  return poll(
    () => {
      const url = /^listening on (http:\/\/\S+)$/m.exec(child.stderr())?.[1];
      if (url === undefined && exit !== undefined) {
        throw new Error(`the server ended before it listened (code ${exit.code}):\n${child.stderr()}`);
      }
      return url;
    },
    "the line that says where the server listens",
    deadline - Date.now(),
  );
}

async function untilReady(origin: string, child: Command, deadline: number): Promise<void> {
  await poll(
    async () => {
      const answer = await fetch(`${origin}/readyz`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.status === 200 ? true : undefined;
    },
    `/readyz of the server:\n${child.stderr()}`,
    deadline - Date.now(),
  );
}

function running(child: Command, url: string, dir: string): ServerProcess {
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
    dir,
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

async function within<T>(promise: Promise<T>, deadlineMs: number, complaint: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(complaint())), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

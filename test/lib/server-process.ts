/** The built server as a child process. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { cleanEnvironment, type Exit, type Launched, launch, listening, type NodeProcess } from "./node-process.ts";
import { poll, within } from "./waiting.ts";

export type { Exit } from "./node-process.ts";
export { poll } from "./waiting.ts";

/** The folder that `test/` is in, or where it was compiled to. */
const above: string = fileURLToPath(new URL("../../", import.meta.url));
const root: string = above.endsWith(join(".cache", "build", sep)) ? join(above, "../..") : above;
const serverBin: string = join(root, "packages/server/bin/holdfast.js");

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
  /** Default 60 seconds. */
  readonly deadlineMs?: number;
};

export interface ServerProcess extends NodeProcess {
  readonly dir: string;
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
  const child = launchServer(options);
  const exit = await within(child.exited, options.deadlineMs ?? 60_000, () => {
    child.process.kill("SIGKILL");
    return `the command did not end:\n${child.stderr()}`;
  });
  return { ...exit, stdout: child.stdout(), stderr: child.stderr() };
}

/** Starts a command and lets it run. Whoever starts it ends it. */
export function startCommand(options: RunOptions): Launched {
  return launchServer(options);
}

/** Starts `serve` over HTTP and resolves once it is ready (`/readyz` is 200). */
export async function startServer(options: StartOptions = {}): Promise<ServerProcess> {
  const dir = options.dir ?? (await temporaryFolder());
  const store = options.store ?? `sqlite:${join(dir, "state.db")}`;
  const args = ["serve", "--port", String(options.port ?? 0)];
  if (store !== "default") args.push("--store", store);
  const child = launchServer({ ...options, cwd: options.cwd ?? dir, args: [...args, ...(options.args ?? [])] });
  const deadline = Date.now() + (options.deadlineMs ?? 60_000);
  const server = await listening(child, deadline);
  try {
    await untilReady(server, deadline);
    return { ...server, dir };
  } catch (error) {
    await server.kill();
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

function assertBuilt(): void {
  const main = join(dirname(dirname(serverBin)), "dist", "main.js");
  if (!existsSync(main)) throw new Error(`${main} is missing: run "npm run build" first`);
}

function launchServer(options: RunOptions): Launched {
  assertBuilt();
  return launch(serverBin, options);
}

async function untilReady(server: NodeProcess, deadline: number): Promise<void> {
  await poll(
    async () => {
      const answer = await fetch(`${server.origin}/readyz`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.status === 200 ? true : undefined;
    },
    `/readyz of the server:\n${server.stderr()}`,
    deadline - Date.now(),
  );
}

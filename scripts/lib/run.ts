import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";

export type Outcome = {
  /** 0 where the program ended well; 1 where it could not be started, or was ended by a signal or the deadline. */
  readonly code: number;
  /** Both streams as they came. */
  readonly output: string;
  readonly durationMs: number;
};

export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The program is killed after this long. */
  readonly timeoutMs: number;
  /** Print the output as it comes, besides keeping it. */
  readonly echo?: boolean;
};

/** Runs a program, of this repository's `node_modules/.bin` first, to its end. Never rejects: failing is an outcome. */
export function run(command: readonly [string, ...string[]], options: RunOptions): Promise<Outcome> {
  const [program, ...args] = command;
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...environment(), ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      // Programs of npm are scripts there, and only a shell starts those.
      shell: process.platform === "win32",
      timeout: options.timeoutMs,
      killSignal: "SIGKILL",
    });
    const chunks: string[] = [];
    const keep = (chunk: string): void => {
      chunks.push(chunk);
      if (options.echo === true) process.stdout.write(chunk);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    const finish = (code: number): void => {
      resolve({ code, output: chunks.join(""), durationMs: performance.now() - startedAt });
    };
    child.once("error", (error) => {
      keep(`${program} could not be started: ${error.message}\n`);
      finish(1);
    });
    child.once("close", (code, signal) => {
      if (signal !== null) keep(`${program} was ended by ${signal} (it may take ${options.timeoutMs} ms)\n`);
      finish(code ?? 1);
    });
  });
}

function environment(): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _forced, ...rest } = process.env;
  const colours = process.stdout.isTTY ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" };
  const path = [join(process.cwd(), "node_modules", ".bin"), process.env["PATH"] ?? ""].join(delimiter);
  return { ...rest, ...colours, PATH: path };
}

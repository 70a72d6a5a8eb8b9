/** A command on a terminal that `script` makes, with somebody who presses keys. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { serverCommand } from "./server-process.ts";
import { foldersOfPath } from "./servers/installed.ts";
import { poll, within } from "./waiting.ts";

export const ctrlC = "\u0003";
export const ctrlD = "\u0004";

/** Undefined where this machine has none. */
export const script: string | undefined =
  process.platform === "linux"
    ? foldersOfPath()
        .map((folder) => join(folder, "script"))
        .find((path) => existsSync(path))
    : undefined;

const deadlineMs = 20_000;

export interface Keyboard extends AsyncDisposable {
  /** Resolves with what matches of everything the terminal was sent, once something does. */
  sees(pattern: RegExp): Promise<string>;
  press(keys: string): void;
  /** Resolves with the exit code and everything the terminal was sent. */
  readonly over: Promise<{ readonly code: number | null; readonly shown: string }>;
}

/** The server's command line, on a terminal of its own. */
export function atKeyboard(words: readonly string[], cwd: string, columns = 100): Keyboard {
  const { command, args, env } = serverCommand(words, { TERM: "xterm", NO_COLOR: "1" });
  const line = [command, ...args].map((word) => `'${word}'`).join(" ");
  return onTerminal(`stty cols ${columns}; exec ${line}`, cwd, env);
}

/** A line of a shell, on a terminal of its own. */
export function onTerminal(line: string, cwd: string, env: Readonly<Record<string, string>>): Keyboard {
  const child: ChildProcess = spawn(script ?? "script", ["-qec", line, "/dev/null"], { cwd, env });
  let shown = "";
  child.stdout?.setEncoding("utf8").on("data", (part: string) => (shown += part));
  const over = new Promise<{ code: number | null; shown: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, shown })),
  );
  return {
    sees: (pattern) => poll(() => pattern.exec(shown)?.[0], pattern.source, deadlineMs),
    press: (keys) => void child.stdin?.write(keys),
    over,
    async [Symbol.asyncDispose]() {
      // The terminal goes with it, and with the terminal the command.
      if (child.exitCode === null) child.kill("SIGKILL");
      await within(over, 10_000, () => "the terminal did not close");
    },
  };
}

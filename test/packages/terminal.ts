/** One shell that a page's commands are typed into, one after another, as a reader would. */
import { spawn } from "node:child_process";

import { poll, within } from "../lib/waiting.ts";

export interface Terminal extends AsyncDisposable {
  /** Runs one line to its end; what goes on in the background may say more later. Rejects when it fails. */
  type(line: string): Promise<void>;
  /** What was shown since the last line was typed. */
  shown(): string;
}

const deadlineMs = 300_000;

export function openTerminal(cwd: string, env: Readonly<Record<string, string>>): Terminal {
  // A group of its own: what it leaves in the background is ended with it.
  const shell = spawn("bash", ["--noprofile", "--norc"], { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  let text = "";
  shell.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  shell.stderr.setEncoding("utf8").on("data", (part: string) => (text += part));
  const closed = new Promise<void>((resolve) => shell.once("close", () => resolve()));
  let typed = 0;
  const mark = (): string => `--typed-${typed}--`;
  const ended = (): string | undefined => new RegExp(`${mark()}(\\d+)\n`).exec(text)?.[1];
  const endGroup = (): void => {
    try {
      if (shell.pid !== undefined) process.kill(-shell.pid, "SIGKILL");
    } catch {
      // Nobody is left in it.
    }
  };
  process.once("exit", endGroup);
  return {
    async type(line) {
      typed += 1;
      text = "";
      shell.stdin.write(`${line}\nprintf '%s%s\\n' '${mark()}' "$?"\n`);
      const code = await poll(ended, `the end of "${line}"`, deadlineMs);
      if (code !== "0") throw new Error(`"${line}" ended with ${code}:\n${text}`);
    },
    // A shell without a person before it tells of killed jobs in its own words.
    shown: () =>
      text
        .split("\n")
        .filter((line) => !line.startsWith("--typed-") && !/^bash: line \d+: +\d+ (Killed|Terminated) /.test(line))
        .join("\n"),
    async [Symbol.asyncDispose]() {
      endGroup();
      process.off("exit", endGroup);
      await within(closed, 10_000, () => "the shell did not end");
    },
  };
}

/**
 * A script beside the tests as a process that does what it is told: lines on its stdin, which it answers in order by a line
 * each, after one that says "ready".
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { findRoot } from "../tools/root.ts";

export type ToldAnswer = { readonly ok: unknown } | { readonly code: string };

export interface ToldProcess<Command> extends AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  /** Rejects where the process ends instead of answering. */
  tell(command: Command): Promise<ToldAnswer>;
  /** What it answered, which has to be no error. The type is the caller's claim. */
  ok<T>(command: Command): Promise<T>;
}

/** `script` is below `test/`, without suffix. */
export async function startTold<Command>(script: string, args: readonly string[]): Promise<ToldProcess<Command>> {
  const main = join(await findRoot(), ".cache", "build", "test", `${script}.js`);
  const child = spawn(process.execPath, [main, ...args]);
  child.stderr.pipe(process.stderr);
  const ended = new Promise((resolve) => child.once("close", resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error("the process ended");
    return line.value;
  };
  const told: ToldProcess<Command> = {
    child,
    tell: async (command) => {
      const answer = next();
      child.stdin.write(`${JSON.stringify(command)}\n`);
      // Written by `obey`.
      return JSON.parse(await answer) as ToldAnswer;
    },
    ok: async <T>(command: Command) => {
      const answer = await told.tell(command);
      if (!("ok" in answer)) throw new Error(`refused: ${answer.code}`);
      return answer.ok as T;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
  try {
    const first = await next();
    if (first !== "ready") throw new Error(`the process said "${first}"`);
  } catch (error) {
    await told[Symbol.asyncDispose]();
    throw error;
  }
  return told;
}

import { createInterface } from "node:readline/promises";
import { HoldfastError } from "holdfast/contract";

import { usage } from "../../cli/usage.ts";

/**
 * Asks for a word to be typed. Ctrl-D, which closes the input, is no. Throws `CONFIGURATION` where nobody is there to ask,
 * and `ABORTED` when the process is asked to stop.
 */
export async function confirmByTyping(question: string, word: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) throw usage("this needs somebody to confirm it; say --yes to do it unasked");
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  // While a line is read key by key, the terminal sends no signal on Ctrl-C: the reader hears of it, and passes it on.
  reader.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
  const closed = new Promise<undefined>((resolve) => reader.once("close", () => resolve(undefined)));
  try {
    const answer = await Promise.race([reader.question(`${question}\nType ${word} to go on: `, { signal }), closed]);
    return answer?.trim() === word;
  } catch (cause) {
    if (signal.aborted) throw new HoldfastError("ABORTED", "asked to stop before anything was confirmed", { cause });
    if (cause instanceof Error && cause.name === "AbortError") return false;
    throw cause;
  } finally {
    reader.close();
  }
}

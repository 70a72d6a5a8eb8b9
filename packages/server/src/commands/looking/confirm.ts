import { createInterface } from "node:readline/promises";

import { usage } from "../../cli/usage.ts";

/** Asks for a word to be typed. Throws `CONFIGURATION` where nobody is there to ask. */
export async function confirmByTyping(question: string, word: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY) throw usage("this needs somebody to confirm it; say --yes to do it unasked");
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await reader.question(`${question}\nType ${word} to go on: `, { signal });
    return answer.trim() === word;
  } finally {
    reader.close();
  }
}

/** The other side of `told-process.ts`. */
import { createInterface } from "node:readline";
import { isHoldfastError } from "holdfast";

/** Does what each line says, one after the other, until there are no more. Errors of ours are answers; others end the process. */
export async function obey(carryOut: (command: unknown) => Promise<unknown>): Promise<void> {
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answered(carryOut(JSON.parse(line)))));
  }
}

async function answered(work: Promise<unknown>): Promise<object> {
  try {
    return { ok: (await work) ?? null };
  } catch (error) {
    if (isHoldfastError(error)) return { code: error.code };
    throw error;
  }
}

import { concurrently } from "./concurrent.test-kit.ts";
import { sequentially } from "./sequential.test-kit.ts";
import type { OpenForModel } from "./subject.test-kit.ts";

export type ModelCheckOptions = {
  /** How many random sequences, and how many random races. */
  readonly runs: number;
  /** What everything random comes from. A failure's message names it. */
  readonly seed: number;
};

/** Holds a store to the model, first one operation at a time, then many at once. Rejects with a shrunken counterexample. */
export async function checkAgainstModel(open: OpenForModel, { runs, seed }: ModelCheckOptions): Promise<void> {
  await sequentially(open, runs, seed);
  await concurrently(open, runs, seed);
}

import { expect, it } from "vitest";

import { seeded } from "../lib/random.ts";
import { type Comparison, compareTimes, telling } from "./compare.ts";

/** Two requests that take between nothing and a millisecond, one of them so much longer, by a clock of their own. */
async function compared(longerByMs: number, seed: number): Promise<Comparison> {
  let at = 0;
  const random = seeded(seed);
  const taking = (ms: number) => async (): Promise<void> => {
    at += random.below(1_000) / 1_000 + ms;
  };
  return await compareTimes(taking(longerByMs), taking(0), 2_000, random, () => at);
}

it("tells a request that takes longer from one that does not, through noise", async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    expect((await compared(0.1, seed)).score, `seed ${seed}`).toBeGreaterThan(telling);
    expect((await compared(-0.1, seed)).score, `seed ${seed}`).toBeLessThan(-telling);
    expect(Math.abs((await compared(0, seed)).score), `seed ${seed}`).toBeLessThan(telling);
  }
  expect((await compared(0.1, 1)).medianUs).toBeCloseTo(100, -2);
});

/**
 * Whether one of two requests takes longer than the other. They are made in pairs, in an order that chance decides, so that
 * whatever else the machine does hits both alike; then it is counted in how many pairs the one took longer. Without a
 * difference that is half of them, and how far from a half chance may lead is known.
 */
import type { Random } from "../lib/random.ts";

export type Comparison = {
  readonly pairs: number;
  /** Standard deviations from a half; positive where the first takes longer. */
  readonly score: number;
  /** Median of the first's time less the second's, in microseconds. */
  readonly medianUs: number;
};

/** Chance alone goes beyond it once in some 300,000 comparisons. */
export const telling = 4.5;

export type Ask = () => Promise<unknown>;

export async function compareTimes(
  first: Ask,
  second: Ask,
  pairs: number,
  random: Random,
  now: () => number = () => performance.now(),
): Promise<Comparison> {
  const timeOf = async (ask: Ask): Promise<number> => {
    const began = now();
    await ask();
    return now() - began;
  };
  const differences: number[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    const firstLeads = random.below(2) === 0;
    const before = await timeOf(firstLeads ? first : second);
    const after = await timeOf(firstLeads ? second : first);
    differences.push(firstLeads ? before - after : after - before);
  }
  const longer = differences.filter((difference) => difference > 0).length;
  const sorted = [...differences].sort((one, other) => one - other);
  return {
    pairs,
    score: (longer - pairs / 2) / (Math.sqrt(pairs) / 2),
    medianUs: (sorted[Math.floor(pairs / 2)] ?? 0) * 1_000,
  };
}

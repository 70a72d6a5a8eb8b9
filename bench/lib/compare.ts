/**
 * Measures two ways of doing the same thing in turn, A B A B …, so that a machine that slows down slows both.
 * What counts is the ratio within each pair of rounds.
 */
import { type Spread, spreadOf } from "./stats.ts";

/** Carries out one round and says what it came to, such as operations per second. */
export type Contender = () => Promise<number>;

export type Comparison = {
  readonly ours: Spread;
  readonly theirs: Spread;
  /** Ours over theirs, pair by pair. */
  readonly value: Spread;
};

export async function compare(ours: Contender, theirs: Contender, rounds: number): Promise<Comparison> {
  await ours();
  await theirs();
  const mine: number[] = [];
  const others: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Who goes first takes turns too: what a round leaves behind, such as pages to be written, is paid by the next.
    const oursFirst = round % 2 === 1;
    if (oursFirst) mine.push(await ours());
    others.push(await theirs());
    if (!oursFirst) mine.push(await ours());
  }
  return {
    ours: spreadOf(mine),
    theirs: spreadOf(others),
    value: spreadOf(mine.map((value, round) => value / (others[round] ?? Number.NaN))),
  };
}

/** Runs `operation` with so many in flight for about this long; returns how many finished per second. */
export async function throughput(
  inFlight: number,
  ms: number,
  operation: (worker: number) => Promise<unknown>,
): Promise<number> {
  const startedAt = performance.now();
  const until = startedAt + ms;
  let done = 0;
  const workers = Array.from({ length: inFlight }, async (_, worker) => {
    while (performance.now() < until) {
      await operation(worker);
      done += 1;
    }
  });
  await Promise.all(workers);
  return (done / (performance.now() - startedAt)) * 1000;
}

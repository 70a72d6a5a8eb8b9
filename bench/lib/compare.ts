/**
 * Measures two ways of doing the same thing in turn, A B A B …, so that a machine that slows down slows both.
 * What counts is the ratio within each pair of rounds.
 */
import { type Spread, spreadOf } from "./stats.ts";

export type Contender = {
  readonly name: string;
  /** Carries out one round and says how many operations it did per second. */
  round(): Promise<number>;
};

export type Comparison = {
  readonly ours: Spread;
  readonly reference: Spread;
  /** Ours over the reference, pair by pair. */
  readonly ratio: Spread;
};

export async function compare(ours: Contender, reference: Contender, rounds: number): Promise<Comparison> {
  await ours.round();
  await reference.round();
  const mine: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    theirs.push(await reference.round());
    mine.push(await ours.round());
  }
  return {
    ours: spreadOf(mine),
    reference: spreadOf(theirs),
    ratio: spreadOf(mine.map((value, round) => value / (theirs[round] ?? Number.NaN))),
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

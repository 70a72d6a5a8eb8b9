/** A repeatable source of chance: the same seed, the same numbers. */
export interface Random {
  /** A whole number from 0 up to, but without, `below`. */
  below(below: number): number;
  pick<T>(from: readonly T[]): T;
  /** Another source, independent of how often this one is used afterwards. */
  fork(): Random;
}

/** Mulberry32: 32 bits of state, good enough for schedules. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => next() % limit;
  return {
    below,
    pick(from) {
      const chosen = from[below(from.length)];
      if (chosen === undefined) throw new RangeError("nothing to pick from");
      return chosen;
    },
    fork: () => seeded(next()),
  };
}

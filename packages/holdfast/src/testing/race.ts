/** What came of racing a function against itself. */
export type Race<T> = {
  readonly fulfilled: number;
  readonly rejected: number;
  /** What the runs that fulfilled gave, in the order of their indices. */
  readonly values: readonly T[];
  /** What the others threw, in the order of their indices. */
  readonly errors: readonly unknown[];
  /** One per run, by index. */
  readonly outcomes: readonly PromiseSettledResult<T>[];
};

/**
 * Runs a function `n` times at once, each with its own index from 0, and waits for all of them. Never rejects because a
 * run did: what lost a race is as interesting as what won it. Throws `RangeError` unless `n` is a whole number from 1.
 *
 * @example
 * // Fifty callers add to one counter; nothing may be lost.
 * const { fulfilled } = await race(50, () => client.callTool({ name: "add", arguments: { basket } }));
 * expect(await countOf(basket)).toBe(fulfilled);
 */
export async function race<T>(n: number, fn: (index: number) => T | Promise<T>): Promise<Race<T>> {
  if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`race() takes a whole number from 1, not ${n}`);
  const runs = Array.from({ length: n }, async (_, index) => {
    // Everybody waits for the same turn, so that nobody has finished its first step before the last one starts.
    await Promise.resolve();
    return fn(index);
  });
  const outcomes = await Promise.allSettled(runs);
  const values: T[] = [];
  const errors: unknown[] = [];
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") values.push(outcome.value);
    else errors.push(outcome.reason);
  }
  return { fulfilled: values.length, rejected: errors.length, values, errors, outcomes };
}

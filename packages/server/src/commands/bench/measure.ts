/** How many of something a second, and how long one takes. */
export type Measured = {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

/** Runs `work` over and over, so many at once, for a while. The first tenth does not count: things are warm after it. */
export async function measure(
  forMs: number,
  atOnce: number,
  signal: AbortSignal,
  work: (index: number) => Promise<unknown>,
): Promise<Measured> {
  const took: number[] = [];
  const beganAt = performance.now();
  const countsFrom = beganAt + forMs / 10;
  const until = beganAt + forMs;
  let index = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < until && !signal.aborted) {
      const since = performance.now();
      await work(index++);
      if (since >= countsFrom) took.push(performance.now() - since);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  const seconds = (performance.now() - countsFrom) / 1_000;
  took.sort((one, other) => one - other);
  const at = (part: number): number => took[Math.min(took.length - 1, Math.floor(part * took.length))] ?? 0;
  return { perSecond: took.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

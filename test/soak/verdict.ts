/** Whether what was measured over time is level. Pure, so that it can be shown to notice what grows. */

export type Sample = { readonly atMs: number } & Readonly<Record<Measured, number>>;
export type Measured = "heapBytes" | "handles" | "records" | "connections" | "streams" | "warm";

type Rule = {
  readonly what: Measured;
  /**
   * Of a window, what stands for it: of what rises until it is cleared away and falls then, what is left of it. The heap
   * is cleared by the garbage collector, records and the warm instances of what has expired by the reaper.
   */
  readonly take: "least" | "middle";
  /** What the last window may be above the one before, as a share and besides. */
  readonly share: number;
  readonly besides: number;
};

const rules: readonly Rule[] = [
  { what: "heapBytes", take: "least", share: 0.1, besides: 12 * 1024 * 1024 },
  { what: "handles", take: "middle", share: 0.1, besides: 8 },
  { what: "records", take: "least", share: 0.25, besides: 60 },
  { what: "connections", take: "middle", share: 0.1, besides: 8 },
  { what: "streams", take: "middle", share: 0.1, besides: 8 },
  { what: "warm", take: "least", share: 0.25, besides: 20 },
];

export type Verdict = {
  readonly what: Measured;
  readonly before: number;
  readonly after: number;
  readonly level: boolean;
};

/** Compares the last third of the time with the third before it; the first third is for warming up. */
export function verdicts(samples: readonly Sample[]): readonly Verdict[] {
  const third = Math.floor(samples.length / 3);
  if (third < 3) throw new Error(`${samples.length} samples are too few to tell anything`);
  const [middle, last] = [samples.slice(third, 2 * third), samples.slice(-third)];
  return rules.map(({ what, take, share, besides }) => {
    const of = (window: readonly Sample[]): number => {
      const sorted = window.map((sample) => sample[what]).toSorted((one, other) => one - other);
      return sorted[take === "least" ? 0 : Math.floor(sorted.length / 2)] ?? 0;
    };
    const [before, after] = [of(middle), of(last)];
    return { what, before, after, level: after <= before * (1 + share) + besides };
  });
}

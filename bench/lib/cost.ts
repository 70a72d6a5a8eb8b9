import type { Spread } from "./stats.ts";

/** What one durable counter call over HTTP takes, in microseconds of processors. */
export type Cost = {
  readonly store: string;
  readonly era: "2025" | "2026-07-28";
  readonly perSecond: Spread;
  readonly node: Spread;
  /** Of the store's own processes; unknown where they are not ours. */
  readonly storeServer?: Spread;
};

/** A figure that no goal is about. */
export type Fact = { readonly label: string; readonly unit: string; readonly value: number };

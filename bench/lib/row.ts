/** One measured goal, as it is written down. */
import type { Spread } from "./stats.ts";

/** The bound for `value`: at least or at most this much. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

export type Row = {
  /** The goal's id, such as `P1`. */
  readonly id: string;
  /** Which store or which peer this row of the goal is about, in a word or two. */
  readonly label: string;
  readonly what: string;
  /** What it is measured beside; nothing where the figure stands for itself. */
  readonly over: string | undefined;
  readonly goal: Goal;
  readonly stretch?: number | undefined;
  /** Of `ours` and `theirs`. */
  readonly unit: Unit;
  readonly ours: Spread;
  readonly theirs?: Spread;
  /** What the goal is about: ours over theirs, round by round; or ours. */
  readonly value: Spread;
};

export type Unit = "/s" | "ms" | "µs" | "MiB";

export function isReached({ goal, value }: Row): boolean {
  return "atLeast" in goal ? value.median >= goal.atLeast : value.median <= goal.atMost;
}

/** How far towards the goal, 1 being there, whichever way the goal points. */
export function share({ goal }: Row, value: number): number {
  return "atLeast" in goal ? value / goal.atLeast : goal.atMost / value;
}

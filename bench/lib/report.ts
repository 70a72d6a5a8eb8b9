import { cpus } from "node:os";

import type { Comparison } from "./compare.ts";

export type Row = {
  /** The goal's id, such as `P1`. */
  readonly id: string;
  readonly what: string;
  readonly reference: string;
  /** The least ratio we want. */
  readonly goal: number;
  readonly comparison: Comparison;
};

export function machine(): string {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model.trim() ?? "unknown processor"}, Node ${process.versions.node}, ${process.platform}`;
}

/** One paragraph per row: absolute figures belong to this machine and run, the ratio is what travels. */
export function render(rows: readonly Row[]): string {
  return rows.map(renderRow).join("\n\n");
}

function renderRow({ id, what, reference, goal, comparison }: Row): string {
  const { ours, reference: theirs, ratio } = comparison;
  const verdict = ratio.median >= goal ? "reached" : "MISSED";
  return [
    `${id}  ${what}`,
    `    over ${reference}`,
    `    ratio ${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)}), goal ${round(goal)}: ${verdict}`,
    `    per second: ${perSecond(ours.median)} against ${perSecond(theirs.median)}`,
  ].join("\n");
}

/** Two places say enough of a goal. */
function round(goal: number): number {
  return Math.round(goal * 100) / 100;
}

function perSecond(value: number): string {
  return Math.round(value).toLocaleString("en");
}

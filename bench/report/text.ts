/** Measurements in words and figures. */
import type { Cost, Fact } from "../lib/cost.ts";
import { isReached, type Row } from "../lib/row.ts";
import type { Spread } from "../lib/stats.ts";
import type { Measured } from "../parts.ts";

/** For a terminal: absolute figures belong to this machine and run, the ratio is what travels. */
export function inWords({ rows, costs = [], facts = [] }: Measured): string {
  return [...rows.map(rowInWords), ...costs.map(costInWords), ...facts.map(factInWords)].join("\n\n");
}

function rowInWords(row: Row): string {
  const lines = [`${row.id}  ${row.what}`];
  if (row.over !== undefined) lines.push(`    over ${row.over}`);
  const figures = row.theirs === undefined ? "" : `; ${amount(row, row.ours)} against ${amount(row, row.theirs)}`;
  lines.push(`    ${valueOf(row)}, goal ${goalOf(row)}: ${isReached(row) ? "reached" : "MISSED"}${figures}`);
  return lines.join("\n");
}

function costInWords({ store, era, perSecond, node, storeServer }: Cost): string {
  const server = storeServer === undefined ? "" : ` and ${spread(storeServer)} µs of the store's server`;
  return `a call of ${era} on ${store}: ${spread(node)} µs of the node${server}, at ${figure(perSecond.median)} calls/s`;
}

function factInWords({ label, unit, value }: Fact): string {
  return `${label}: ${figure(value)} ${unit}`;
}

export function valueOf({ value, theirs, unit }: Row): string {
  return `${spread(value)}${theirs === undefined ? ` ${unit}` : ""}`;
}

/** The median, and between what it lies. */
export function spread({ min, median, max }: Spread): string {
  return min === max ? figure(median) : `${figure(median)} (${figure(min)}–${figure(max)})`;
}

export function goalOf({ goal, theirs, unit, stretch }: Row): string {
  const bound = "atLeast" in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;
  return `${bound}${theirs === undefined ? ` ${unit}` : ""}${stretch === undefined ? "" : `, stretch ${stretch}`}`;
}

/** The median, with its unit. */
export function amount({ unit }: Row, { median }: Spread): string {
  return unit === "/s" ? `${Math.round(median).toLocaleString("en")}/s` : `${figure(median)} ${unit}`;
}

/** As many digits as mean something. */
export function figure(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** `docs/benchmarks.md`: every figure comes from a run, what stands around them from here. */
import type { Cost, Fact } from "../lib/cost.ts";
import { isReached, type Row } from "../lib/row.ts";
import { howMeasured, peers } from "./prose.ts";
import type { PartResult, Results } from "./results.ts";
import { amount, figure, goalOf, spread, valueOf } from "./text.ts";

/** The goals there are, in the order of their numbers. */
const goalIds = Array.from({ length: 10 }, (_, index) => `P${index + 1}`);

/** Rows of every part, in the order of the goals. */
export function rowsOf({ parts }: Results): readonly Row[] {
  const rows = parts.flatMap((part) => part.rows);
  return goalIds.flatMap((id) => rows.filter((row) => row.id === id));
}

/** Rows that are calls over HTTP, ours beside somebody's. */
export function callRowsOf(results: Results): readonly Row[] {
  return rowsOf(results).filter(({ id }) => ["P3", "P4", "P5", "P6"].includes(id));
}

export function costsOf({ parts }: Results): readonly Cost[] {
  return parts.flatMap(({ costs }) => costs ?? []);
}

export function renderPage(results: Results): string {
  const rows = rowsOf(results);
  const facts = results.parts.flatMap((part) => part.facts ?? []);
  const missing = goalIds.filter((id) => !rows.some((row) => row.id === id));
  const sections = [
    opening(results, rows),
    "![How far each goal was reached](benchmarks/goals.svg)",
    goalTable(rows),
    ...(missing.length > 0 ? [`Not measured here: ${missing.join(", ")}.`] : []),
    "## Calls over HTTP",
    "![Counter calls per second over HTTP](benchmarks/calls.svg)",
    amountTable(rows),
    "## What a call costs",
    costTable(costsOf(results)),
    "![What a durable counter call costs](benchmarks/cost.svg)",
    factTable(facts),
    "What this means for many nodes is on the page on [capacity](capacity.md).",
    peers,
    howMeasured,
    runTable(results.parts),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function opening(results: Results, rows: readonly Row[]): string {
  const [first] = results.parts;
  const machine =
    first === undefined
      ? "nothing yet"
      : `${first.machine.processors} processors (${first.machine.processor}), ${first.machine.memoryGib} GiB, Node ${first.machine.node}, ${first.machine.platform}`;
  const reached = rows.filter(isReached).length;
  return `# Benchmarks

<!-- Written by \`npm run bench -- --write\` from benchmarks/results.json. Change bench/report, not this page. -->

holdfast beside its references, each pair in one run and in turn, so that a slow machine slows both. Absolute figures belong to the machine; the **ratio** is what
travels. ${reached} of ${rows.length} goals were reached. Why some are missed, and what was tried, is on the page on [performance](performance.md).

Measured on ${machine}. ${busyness(results.parts)}`;
}

function busyness(parts: readonly PartResult[]): string {
  const busy = parts.filter(({ othersBusy }) => Math.max(...othersBusy) >= 0.25);
  if (busy.length === 0) return "Nothing else of note ran on it.";
  const most = Math.max(...busy.flatMap(({ othersBusy }) => othersBusy));
  const names = busy.length === parts.length ? "all of it" : busy.map(({ name }) => `\`${name}\``).join(", ");
  return `**The machine was busy** while ${names} was measured: others kept up to ${figure(most)} processors occupied. Figures in time are then lower and wider apart than on a quiet machine, and ratios less sure.`;
}

function goalTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const verdict = isReached(row) ? "reached" : "**missed**";
    return `| ${row.id} | ${row.what} | ${row.over ?? "–"} | ${valueOf(row)} | ${goalOf(row)} | ${verdict} |`;
  });
  return table("| | what | beside | ratio (least–most) | goal | |", lines);
}

function amountTable(rows: readonly Row[]): string {
  const lines = rows.flatMap((row) => {
    if (row.theirs === undefined) return [];
    return [`| ${row.id} | ${row.label} | ${amount(row, row.ours)} | ${amount(row, row.theirs)} |`];
  });
  return `The medians behind the ratios, of every row that compares:\n\n${table("| | | holdfast | beside it |", lines)}`;
}

function costTable(costs: readonly Cost[]): string {
  const lines = costs.map(({ store, era, perSecond, node, storeServer }) => {
    const server = storeServer === undefined ? "–" : spread(storeServer);
    return `| ${store} | ${era} | ${figure(perSecond.median)} | ${spread(node)} | ${server} | ${figure(1e6 / node.median)} |`;
  });
  const heads =
    "| store | era | calls/s seen | µs of the node | µs of the store's server | calls/s a core of the node could serve |";
  return `Processor time of a durable counter call, 16 connections of as many users, 12 tools. \`memory:\` shows what HTTP, protocol and tools cost without a store.\n\n${table(heads, lines)}`;
}

function factTable(facts: readonly Fact[]): string {
  if (facts.length === 0) return "";
  const lines = facts.map(({ label, unit, value }) => `| ${label} | ${figure(value)} ${unit} |`);
  return table("| memory | |", lines);
}

function runTable(parts: readonly PartResult[]): string {
  const lines = parts.map(({ name, measuredAt, rounds, roundMs, othersBusy: [before, after] }) => {
    const shape =
      name === "idle" ? "once" : name === "first-request" ? `${rounds} rounds` : `${rounds} × 2 × ${roundMs / 1000} s`;
    return `| \`${name}\` | ${measuredAt.slice(0, 16).replace("T", " ")} | ${shape} | ${figure(before)}, ${figure(after)} |`;
  });
  return table("| part | measured (UTC) | rounds | processors busy with others just before and after |", lines);
}

function table(head: string, lines: readonly string[]): string {
  const columns = head.split("|").length - 2;
  return [head, `|${" --- |".repeat(columns)}`, ...lines].join("\n");
}

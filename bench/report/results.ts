/** What a run left behind, as JSON: `.cache/bench/` has every run, `docs/benchmarks/results.json` what the page is made of. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import type { Machine } from "../lib/machine.ts";
import type { Measured } from "../parts.ts";

export type PartResult = Measured & {
  readonly name: string;
  readonly measuredAt: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly roundMs: number;
  /** Processors that others kept busy just before and just after. */
  readonly othersBusy: readonly [number, number];
};

export type Results = { readonly parts: readonly PartResult[] };

/** Parts measured anew replace those measured before, unless nothing came of them; the order is that of `names`. */
export function merge(before: Results, parts: readonly PartResult[], names: readonly string[]): Results {
  const anew = parts.filter(({ rows, costs = [] }) => rows.length + costs.length > 0);
  const all = new Map([...before.parts, ...anew].map((part) => [part.name, part]));
  return { parts: names.flatMap((name) => all.get(name) ?? []) };
}

/** No parts where there is no such file. */
export async function readResults(path: string): Promise<Results> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  // Written by `writeResults`.
  return text === undefined ? { parts: [] } : (JSON.parse(text) as Results);
}

/** Four digits say all there is to say of a measurement. */
export async function writeResults(path: string, results: Results): Promise<void> {
  const rounded = (_key: string, value: unknown): unknown =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(results, rounded, 2)}\n`);
}

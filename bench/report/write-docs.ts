import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { withFigures } from "./capacity.ts";
import { callsChart, costChart, goalsChart } from "./charts.ts";
import { callRowsOf, costsOf, renderPage, rowsOf } from "./page.ts";
import type { Results } from "./results.ts";

/** The page and its charts, by their path in the folder of the documentation. */
export function documents(results: Results): ReadonlyMap<string, string> {
  return new Map([
    ["benchmarks.md", renderPage(results)],
    ["benchmarks/goals.svg", goalsChart(rowsOf(results))],
    ["benchmarks/calls.svg", callsChart(callRowsOf(results))],
    ["benchmarks/cost.svg", costChart(costsOf(results))],
  ]);
}

export async function writeDocs(results: Results, folder: string): Promise<void> {
  await mkdir(join(folder, "benchmarks"), { recursive: true });
  for (const [path, text] of documents(results)) await writeFile(join(folder, path), text);
  const capacity = join(folder, "capacity.md");
  await writeFile(capacity, withFigures(await readFile(capacity, "utf8"), results));
}

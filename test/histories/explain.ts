import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { findRoot } from "../tools/root.ts";
import { checkHistory, formatFaults } from "./check/check.ts";
import type { History } from "./history.ts";

/** Throws if a history has no explanation, and leaves it as a file: no seed makes the same processes meet again. */
export async function explain(name: string, history: History): Promise<void> {
  const faults = checkHistory(history);
  if (faults.length === 0) return;
  const folder = join(await findRoot(), ".cache", "histories");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  await writeFile(file, `[\n${history.map((operation) => JSON.stringify(operation)).join(",\n")}\n]\n`);
  throw new Error(`${name}: ${faults.length} faults; the history is in ${file}\n${formatFaults(faults)}`);
}

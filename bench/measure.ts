/**
 * What `npm run bench` measures: holdfast beside its references, in one run, in turn. Every run is kept as JSON in
 * `.cache/bench/`. `main.ts` starts it, with words that it has checked.
 */
import { join } from "node:path";

import { busyProcessors, thisMachine } from "./lib/machine.ts";
import { readOptions } from "./options.ts";
import { type Part, parts } from "./parts.ts";
import { merge, type PartResult, readResults, writeResults } from "./report/results.ts";
import { inWords } from "./report/text.ts";
import { writeDocs } from "./report/write-docs.ts";

// Without whoever started it nobody would end the servers below it: the whole group goes.
process.once("disconnect", () => process.kill(process.platform === "win32" ? process.pid : -process.pid, "SIGTERM"));
// Listening for that is no reason to go on.
process.channel?.unref();

const names = Object.keys(parts);
const options = readOptions(process.argv.slice(2), names);
if (options === "help") throw new Error("this is started by main.ts");
const { short, write, render } = options;
const rounds = short ? 3 : 7;
const roundMs = short ? 300 : 2000;

const machine = thisMachine();
console.log(`${machine.processors} × ${machine.processor}, Node ${machine.node}, ${machine.platform}`);
console.log(`${rounds} pairs of rounds of ${roundMs} ms each, in turn; medians (least–most)\n`);

const kept = join("docs", "benchmarks", "results.json");
if (render) {
  await writeDocs(await readResults(kept), "docs");
  process.exit(0);
}

const measured: PartResult[] = [];
for (const [name, part] of Object.entries(parts)) {
  if (options.parts.length === 0 || options.parts.includes(name)) measured.push(await measure(name, part));
}
const at = new Date().toISOString().replaceAll(":", "-").slice(0, 19);
await writeResults(join(".cache", "bench", `${at}.json`), { parts: measured });
if (write) {
  const results = merge(await readResults(kept), measured, names);
  await writeResults(kept, results);
  await writeDocs(await readResults(kept), "docs");
}

async function measure(name: string, part: Part): Promise<PartResult> {
  const measuredAt = new Date().toISOString();
  // Nobody reads it after a short run.
  const before = short ? 0 : await busyProcessors();
  const result = await part(rounds, roundMs, short);
  const after = short ? 0 : await busyProcessors();
  console.log(`${inWords(result) || `${name}: a server that it needs is not installed`}\n`);
  return { name, measuredAt, machine, rounds, roundMs, othersBusy: [before, after], ...result };
}

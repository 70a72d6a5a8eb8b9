/**
 * `npm run bench`: holdfast beside its references, in one run, in turn. `npm run bench -- postgres redis` measures those
 * parts only. `--short` does fewer and shorter rounds (to see that everything still runs; its figures are rougher).
 * Every run is kept as JSON in `.cache/bench/`; `--write` also makes `docs/benchmarks.md` and its charts of it, in which
 * parts that were not measured now stay as they were. `--render` only does that, and measures nothing. Exit code 0
 * whatever the figures: timing decides no test.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";

import { busyProcessors, thisMachine } from "./lib/machine.ts";
import { type Part, parts } from "./parts.ts";
import { merge, type PartResult, readResults, writeResults } from "./report/results.ts";
import { inWords } from "./report/text.ts";
import { writeDocs } from "./report/write-docs.ts";

const { values, positionals } = parseArgs({
  options: { short: { type: "boolean" }, write: { type: "boolean" }, render: { type: "boolean" } },
  allowPositionals: true,
});
const short = values.short === true;
if (short && values.write === true) throw new Error("--write needs the full rounds: leave out --short");
const rounds = short ? 3 : 7;
const roundMs = short ? 300 : 2000;
const names = Object.keys(parts);
const unknown = positionals.find((name) => parts[name] === undefined);
if (unknown !== undefined) throw new Error(`there is no part "${unknown}", only ${names.join(", ")}`);

const machine = thisMachine();
console.log(`${machine.processors} × ${machine.processor}, Node ${machine.node}, ${machine.platform}`);
console.log(`${rounds} pairs of rounds of ${roundMs} ms each, in turn; medians (least–most)\n`);

const kept = join("docs", "benchmarks", "results.json");
if (values.render === true) {
  await writeDocs(await readResults(kept), "docs");
  process.exit();
}

const measured: PartResult[] = [];
for (const [name, part] of Object.entries(parts)) {
  if (positionals.length === 0 || positionals.includes(name)) measured.push(await measure(name, part));
}
const at = new Date().toISOString().replaceAll(":", "-").slice(0, 19);
await writeResults(join(".cache", "bench", `${at}.json`), { parts: measured });
if (values.write === true) {
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

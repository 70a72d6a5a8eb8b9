/**
 * `npm run check`: everything that can be said about the code without running it. Independent steps run at once; only
 * those that fail print what they found. `npm run check -- lint walls` runs some.
 */
import { availableParallelism } from "node:os";

import { runSteps } from "./check/run-steps.ts";
import { type Step, steps } from "./check/steps.ts";

const timeoutMs = 180_000;
const startedAt = performance.now();
const results = await runSteps(chosen(process.argv.slice(2)), {
  atOnce: Math.max(2, availableParallelism()),
  timeoutMs,
  onFailure: (name, output) => console.log(`\n── ${name} ──\n${output.trimEnd()}\n`),
});

for (const { step, verdict, durationMs } of results) {
  const seconds = verdict === "skipped" ? "" : `${(durationMs / 1000).toFixed(1)} s`;
  console.log(`${verdict.padEnd(8)}${step.name.padEnd(18)}${seconds.padStart(7)}  ${step.says}`);
}
const failed = results.filter(({ verdict }) => verdict !== "ok").length;
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
console.log(`\n${results.length - failed} of ${results.length} checks are fine, in ${seconds} s`);
process.exitCode = failed === 0 ? 0 : 1;

function chosen(names: readonly string[]): readonly Step[] {
  const unknown = names.filter((name) => !steps.some((step) => matches(step, name)));
  if (unknown.length > 0) {
    console.error(`no such check: ${unknown.join(", ")}. There are: ${steps.map(({ name }) => name).join(", ")}`);
    process.exit(2);
  }
  return names.length === 0 ? steps : steps.filter((step) => names.some((name) => matches(step, name)));
}

function matches(step: Step, name: string): boolean {
  return step.name === name || step.name.startsWith(`${name} `);
}

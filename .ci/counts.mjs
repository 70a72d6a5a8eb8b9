// Says what came of the tests, from vitest's own report: `node .ci/counts.mjs <report> <number of failed stages>`.
import { readFileSync } from "node:fs";

/** Folders whose tests must have run, so that a run without them cannot pass unnoticed. */
const required = [
  "packages/holdfast/src/",
  "packages/server/src/",
  "test/clients/",
  "test/cluster/",
  "test/crash/",
  "test/faults/",
  "test/histories/",
  "test/kills/",
  "test/official/",
];

const [path = "", stages = "0"] = process.argv.slice(2);
let failedStages = Number(stages);
let passed = 0;
let failed = 0;
try {
  const report = JSON.parse(readFileSync(path, "utf8"));
  passed = report.numPassedTests;
  failed = report.numFailedTests;
  const files = report.testResults.map(({ name }) => name.replaceAll("\\", "/"));
  const missing = required.filter((folder) => !files.some((file) => file.includes(`/${folder}`)));
  if (missing.length > 0) {
    console.log(`no tests ran in ${missing.join(", ")}`);
    failedStages += 1;
  }
  // The stage of the tests failed because tests did: those are counted already.
  if (failed > 0) failedStages -= 1;
} catch (error) {
  console.log(`no counts of tests: ${String(error)}`);
  failedStages = Math.max(failedStages, 1);
}
failed += Math.max(failedStages, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** `node run.js [--store URL] [--sse] [--log]`: the official suite of both revisions as a command, with a table for each. */
import { parseArgs } from "node:util";

import { verdictOn } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    store: { type: "string" },
    sse: { type: "boolean", default: false },
    log: { type: "boolean", default: false },
  },
});

let faulty = false;
for (const revision of ["2025-11-25", "2026-07-28"] as const) {
  const { table, faults, log } = await verdictOn(revision, AbortSignal.timeout(180_000), values);
  if (values.log) console.log(log);
  console.log(`${table}\n`);
  for (const fault of faults) console.log(`  fault: ${fault}`);
  faulty ||= faults.length > 0;
}
process.exitCode = faulty ? 1 : 0;

import { expect, test } from "vitest";

import { verdictOn } from "./verdict.ts";

const timeout = 180_000;

// They mostly wait for what the suite waits for.
test.concurrent.each([
  { revision: "2025-11-25", form: "JSON unless something streams", sse: false },
  { revision: "2026-07-28", form: "JSON unless something streams", sse: false },
  // Every answer then goes through the session's output log.
  { revision: "2025-11-25", form: "always SSE", sse: true },
] as const)("passes the official suite of $revision, answers being $form", { timeout }, async ({ revision, sse }) => {
  const { table, faults, log } = await verdictOn(revision, AbortSignal.timeout(timeout - 5_000), { sse });
  console.log(table);
  if (faults.length > 0) console.log(log);
  expect(faults).toEqual([]);
});

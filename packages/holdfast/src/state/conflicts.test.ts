import { expect, test } from "vitest";

import { ConflictLog } from "./conflicts.ts";
import type { ConflictReport, HoldWarning } from "./hold.ts";

const report: ConflictReport = { kind: "basket", idHash: "h", tool: "add", retries: 0 };

function open(): { readonly log: ConflictLog; readonly warnings: HoldWarning[]; later(ms: number): void } {
  const warnings: HoldWarning[] = [];
  let now = 0;
  const log = new ConflictLog({
    onConflict: undefined,
    onWarning: (warning) => warnings.push(warning),
    onError: (error) => {
      throw error;
    },
    now: () => now,
  });
  return {
    log,
    warnings,
    later: (ms) => {
      now += ms;
    },
  };
}

function updates(log: ConflictLog, count: number): void {
  for (let n = 0; n < count; n++) log.tried();
}

test("five conflicts in a hundred updates are borne in silence, and the next is told once a minute", () => {
  const { log, warnings, later } = open();
  updates(log, 100);
  for (let n = 0; n < 5; n++) log.conflict(report);
  expect(warnings).toEqual([]);
  log.conflict(report);
  log.conflict(report);
  expect(warnings).toMatchObject([
    { code: "many-conflicts", details: { updates: 100, conflicts: 6, kind: "basket", tool: "add" } },
  ]);
  later(60_000);
  updates(log, 100);
  for (let n = 0; n < 6; n++) log.conflict(report);
  expect(warnings).toHaveLength(2);
});

test("a share of few updates says nothing", () => {
  const { log, warnings } = open();
  updates(log, 99);
  for (let n = 0; n < 99; n++) log.conflict(report);
  expect(warnings).toEqual([]);
  expect(log.conflicts).toBe(99);
});

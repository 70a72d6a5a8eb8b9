import type { StateChange } from "holdfast";
import { beforeEach, expect, it } from "vitest";

import { logStateChanges } from "./state-changes.ts";

const foreign: StateChange = { change: "foreign_attempt", reason: "secret", kind: "session", idHash: "0123456789ab" };
let lines: { level: string; fields: object }[];
let enabled: readonly string[];
let now: number;
let tell: (change: StateChange) => void;

beforeEach(() => {
  lines = [];
  enabled = ["debug", "info", "warn", "error"];
  now = 0;
  const write =
    (level: string) =>
    (fields: object): void => {
      lines.push({ level, fields });
    };
  const levels = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  tell = logStateChanges({ ...levels, isLevelEnabled: (level) => enabled.includes(level) }, () => now);
});

it("tells of sessions at info, of other records at debug, and of strangers at warn", () => {
  tell({ change: "created", kind: "session", idHash: "a" });
  tell({ change: "created", kind: "workflow", idHash: "b" });
  tell(foreign);
  tell({ change: "conflict_exhausted", kind: "workflow", idHash: "b", retries: 24, tool: "complete_step" });
  expect(lines.map(({ level }) => level)).toEqual(["info", "debug", "warn", "warn"]);
  expect(lines[2]?.fields).toEqual(foreign);
});

it("tells of confirmations at info, with their purpose", () => {
  const kind = "holdfast.step-up";
  for (const change of ["step_up_confirmed", "step_up_declined", "step_up_revoked"] as const) {
    tell({ change, purpose: "payments", kind, idHash: "a" });
    expect(lines.at(-1)).toEqual({ level: "info", fields: { change, purpose: "payments", kind, idHash: "a" } });
  }
});

it("writes nothing that is not wanted", () => {
  enabled = ["warn", "error"];
  tell({ change: "created", kind: "session", idHash: "a" });
  expect(lines).toEqual([]);
});

it("stops at a bound each minute, and says afterwards how many it left out", () => {
  for (let at = 0; at < 1_000; at += 1) tell(foreign);
  expect(lines.length).toBe(200);
  now += 60_000;
  tell(foreign);
  expect(lines.at(-1)?.fields).toMatchObject({ omitted: 800 });
  tell(foreign);
  expect(lines.at(-1)?.fields).not.toHaveProperty("omitted");
});

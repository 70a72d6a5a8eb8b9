import { expect, test } from "vitest";

import { type Gate, judge } from "./judge.ts";
import type { Check, ScenarioResult } from "./results.ts";

const gate: Gate = { passed: { ping: 2 }, exceptions: { tasks: "there is no runtime for tasks yet" } };
const tasks: ScenarioResult = { scenario: "tasks", checks: [check("FAILURE")] };

test("a run with every known check passed is good", () => {
  expect(
    judge([{ scenario: "ping", checks: [check("SUCCESS"), check("SUCCESS"), check("INFO")] }, tasks], gate),
  ).toEqual([]);
});

test("more passed checks than known are good too", () => {
  const checks = [check("SUCCESS"), check("SUCCESS"), check("SUCCESS")];
  expect(judge([{ scenario: "ping", checks }, tasks], gate)).toEqual([]);
});

test("one failed check spoils it, whatever passes beside it", () => {
  const failed = { ...check("FAILURE"), id: "wire", errorMessage: "no result" };
  const checks = [check("SUCCESS"), check("SUCCESS"), failed];
  expect(judge([{ scenario: "ping", checks }, tasks], gate)).toEqual(["ping: wire failed: no result"]);
});

test("a scenario that checked nothing does not pass", () => {
  expect(judge([{ scenario: "ping", checks: [] }, tasks], gate)).toEqual([
    "ping: 0 checks passed, 2 are known to pass",
  ]);
});

test("a check that turned into a warning or was skipped is missed", () => {
  expect(
    judge([{ scenario: "ping", checks: [check("SUCCESS"), check("WARNING"), check("SKIPPED")] }, tasks], gate),
  ).toEqual(["ping: 1 checks passed, 2 are known to pass"]);
});

test("a scenario that did not run is missed", () => {
  expect(judge([tasks], gate)).toEqual(["ping: did not run"]);
});

test("an exception that fails nothing any more is stale", () => {
  const faults = judge(
    [
      { scenario: "ping", checks: [check("SUCCESS"), check("SUCCESS")] },
      { scenario: "tasks", checks: [check("SUCCESS")] },
    ],
    gate,
  );
  expect(faults).toEqual(["tasks: is an exception, but nothing in it fails any more; give it a gate"]);
});

test("a scenario nobody has judged yet is reported", () => {
  const faults = judge(
    [{ scenario: "ping", checks: [check("SUCCESS"), check("SUCCESS")] }, tasks, { scenario: "new", checks: [] }],
    gate,
  );
  expect(faults).toEqual(["new: ran, but has neither a gate nor a reason for not having one"]);
});

function check(status: Check["status"]): Check {
  return { id: "some-check", status };
}

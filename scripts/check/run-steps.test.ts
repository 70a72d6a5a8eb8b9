import { expect, it } from "vitest";

import { runSteps, type StepResult } from "./run-steps.ts";
import type { Step } from "./steps.ts";

const node = (name: string, code: string, after?: string): Step => ({
  name,
  says: name,
  command: [process.execPath, "-e", code],
  ...(after !== undefined && { after }),
});

async function verdicts(steps: readonly Step[], timeoutMs = 20_000): Promise<[string, StepResult["verdict"]][]> {
  const results = await runSteps(steps, { atOnce: 2, timeoutMs, onFailure: () => {} });
  return results.map(({ step, verdict }) => [step.name, verdict]);
}

it("says what passed and what failed, in the order asked for", async () => {
  const steps = [node("slow", "setTimeout(() => {}, 200)"), node("bad", "process.exit(3)"), node("good", "")];
  expect(await verdicts(steps)).toEqual([
    ["slow", "ok"],
    ["bad", "FAILED"],
    ["good", "ok"],
  ]);
});

it("skips what comes after a failure, and does not call that fine", async () => {
  const steps = [node("last", "", "middle"), node("middle", "", "first"), node("first", "process.exit(1)")];
  expect(await verdicts(steps)).toEqual([
    ["last", "skipped"],
    ["middle", "skipped"],
    ["first", "FAILED"],
  ]);
});

it("runs a step by itself when the one before it was not asked for", async () => {
  expect(await verdicts([node("alone", "", "types")])).toEqual([["alone", "ok"]]);
});

it("fails a program that hangs, is killed, or is not there", async () => {
  const missing: Step = { name: "missing", says: "", command: ["no-such-program-anywhere"] };
  const steps = [
    node("hangs", "setInterval(() => {}, 1000)"),
    missing,
    node("killed", "process.kill(process.pid, 'SIGKILL')"),
  ];
  expect(await verdicts(steps, 1_000)).toEqual([
    ["hangs", "FAILED"],
    ["missing", "FAILED"],
    ["killed", "FAILED"],
  ]);
});

it("hands on what a failing step printed, both streams", async () => {
  const seen: string[] = [];
  const steps = [
    node("bad", "console.log('out'); console.error('err'); process.exitCode = 1"),
    node("good", "console.log('quiet')"),
  ];
  await runSteps(steps, { atOnce: 1, timeoutMs: 20_000, onFailure: (name, output) => seen.push(name, output) });
  expect(seen).toEqual(["bad", expect.stringMatching(/out[^]*err|err[^]*out/)]);
});

it("does not wait for ever where steps wait for each other", async () => {
  await expect(verdicts([node("a", "", "b"), node("b", "", "a")])).rejects.toThrow("wait for each other: a, b");
});

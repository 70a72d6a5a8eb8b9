import { run } from "../lib/run.ts";
import type { Step } from "./steps.ts";

export type StepResult = {
  readonly step: Step;
  /** `skipped`: the step it comes after failed, so that it could not say anything. */
  readonly verdict: "ok" | "FAILED" | "skipped";
  readonly durationMs: number;
};

export type StepOptions = {
  readonly atOnce: number;
  readonly timeoutMs: number;
  readonly onFailure: (name: string, output: string) => void;
};

/** Runs steps, some at once, each after the one it names if that is among them. Results come in the steps' order. */
export async function runSteps(steps: readonly Step[], options: StepOptions): Promise<readonly StepResult[]> {
  const results = new Map<string, StepResult>();
  const waiting = new Set(steps);
  const running = new Map<string, Promise<void>>();
  const names = new Set(steps.map(({ name }) => name));

  const start = async (step: Step): Promise<void> => {
    const { code, output, durationMs } = await run(step.command, { timeoutMs: options.timeoutMs });
    results.set(step.name, { step, verdict: code === 0 ? "ok" : "FAILED", durationMs });
    running.delete(step.name);
    if (code !== 0) options.onFailure(step.name, output);
  };
  while (waiting.size + running.size > 0) {
    const settledBefore = results.size;
    for (const step of waiting) {
      const before = step.after !== undefined && names.has(step.after) ? step.after : undefined;
      const verdict = before === undefined ? "ok" : results.get(before)?.verdict;
      if (verdict === undefined || (verdict === "ok" && running.size >= options.atOnce)) continue;
      waiting.delete(step);
      if (verdict === "ok") running.set(step.name, start(step));
      else results.set(step.name, { step, verdict: "skipped", durationMs: 0 });
    }
    if (running.size > 0) await Promise.race(running.values());
    else if (results.size === settledBefore && waiting.size > 0)
      throw new Error(`these checks wait for each other: ${namesOf(waiting)}`);
  }
  return steps.flatMap(({ name }) => results.get(name) ?? []);
}

function namesOf(steps: Iterable<Step>): string {
  return [...steps].map(({ name }) => name).join(", ");
}

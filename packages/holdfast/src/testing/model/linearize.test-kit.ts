import { answerOfModel } from "./answers.test-kit.ts";
import type { ModelOwner } from "./model.test-kit.ts";
import { type Operation, type Plain, sameAnswer } from "./operation.test-kit.ts";

/** An operation as it was seen from outside: begun at one moment, answered at a later one. */
export type Happened = {
  readonly operation: Operation;
  readonly answer: Plain;
  readonly begunAt: number;
  readonly answeredAt: number;
};

/**
 * Whether the answers can be had by doing the operations one after another from `state`, in an order that never puts an
 * operation before one that had been answered when it began.
 */
export function linearize(state: ModelOwner, history: readonly Happened[], now: number): boolean {
  if (history.length === 0) return true;
  const firstAnswer = Math.min(...history.map(({ answeredAt }) => answeredAt));
  for (const next of history) {
    if (next.begunAt > firstAnswer) continue;
    const copy = structuredClone(state);
    if (!sameAnswer(answerOfModel(copy, next.operation, now), next.answer)) continue;
    const rest = history.filter((other) => other !== next);
    if (linearize(copy, rest, now)) return true;
  }
  return false;
}

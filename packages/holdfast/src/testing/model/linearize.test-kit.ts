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
 * operation before one that had been answered when it began. A sweep may pass over what a call that overlapped it held.
 */
export function linearize(state: ModelOwner, history: readonly Happened[], now: number): boolean {
  return explains(state, history, now, overlappedSweeps(history));
}

function explains(
  state: ModelOwner,
  history: readonly Happened[],
  now: number,
  lenient: ReadonlySet<Happened>,
): boolean {
  if (history.length === 0) return true;
  const firstAnswer = Math.min(...history.map(({ answeredAt }) => answeredAt));
  for (const next of history) {
    if (next.begunAt > firstAnswer) continue;
    const copy = structuredClone(state);
    const seen = lenient.has(next) ? next.answer : undefined;
    if (!sameAnswer(answerOfModel(copy, next.operation, now, seen), next.answer)) continue;
    const rest = history.filter((other) => other !== next);
    if (explains(copy, rest, now, lenient)) return true;
  }
  return false;
}

function overlappedSweeps(history: readonly Happened[]): ReadonlySet<Happened> {
  const sweeps = history.filter(({ operation }) => operation.what === "reap");
  return new Set(
    sweeps.filter((sweep) =>
      history.some((other) => other !== sweep && other.begunAt < sweep.answeredAt && sweep.begunAt < other.answeredAt),
    ),
  );
}

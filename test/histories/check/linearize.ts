/**
 * A small search after Wing and Gong, with Lowe's memory of what was tried: is there an order of the operations, none
 * before one that had ended when it began, in which the model allows each? For what has no version in every answer.
 */
import type { Moment } from "../history.ts";

export type Timed<O> = {
  readonly name: string;
  readonly begunAt: Moment;
  /** Infinity where nobody was told: such an operation may be left out. */
  readonly endedAt: Moment;
  readonly operation: O;
};

export type Model<S, O> = {
  readonly initial: S;
  /** The state after the operation; undefined where it cannot have had its answer in this one. */
  readonly step: (state: S, operation: O) => S | undefined;
  /** Equal for equal states. */
  readonly key: (state: S) => string;
};

export type Search = { readonly ok: true } | { readonly ok: false; readonly stuckAt: string };

/** @returns if there is no order, the operation that no attempt got past. */
export function linearize<S, O>(history: readonly Timed<O>[], model: Model<S, O>): Search {
  const operations = history.toSorted((one, other) => one.begunAt - other.begunAt);
  const tried = new Set<string>();
  let deepest = { done: -1, stuckAt: "" };
  const stack: Attempt<S>[] = [{ state: model.initial, done: new Set(), from: 0 }];
  for (let attempt = stack.pop(); attempt !== undefined; attempt = stack.pop()) {
    const { state, done, from } = attempt;
    const open: Timed<O>[] = [];
    let firstEnd = Number.POSITIVE_INFINITY;
    let stuckAt = "";
    for (let index = from; index < operations.length; index += 1) {
      const next = operations[index];
      if (next === undefined || next.begunAt > firstEnd) break;
      if (done.has(index)) continue;
      open.push(next);
      if (next.endedAt < firstEnd) [firstEnd, stuckAt] = [next.endedAt, next.name];
    }
    if (firstEnd === Number.POSITIVE_INFINITY) return { ok: true };
    if (from + done.size > deepest.done) deepest = { done: from + done.size, stuckAt };
    for (const next of open) {
      if (next.begunAt > firstEnd) continue;
      const after = model.step(state, next.operation);
      if (after === undefined) continue;
      const attemptAfter = withDone(attempt, operations.indexOf(next, from), after);
      const name = `${attemptAfter.from} ${[...attemptAfter.done].sort((one, other) => one - other).join()} ${model.key(after)}`;
      if (tried.has(name)) continue;
      tried.add(name);
      stack.push(attemptAfter);
    }
  }
  return { ok: false, stuckAt: deepest.stuckAt };
}

/** All before `from` are done, and of those after it these. */
type Attempt<S> = { readonly state: S; readonly from: number; readonly done: ReadonlySet<number> };

function withDone<S>({ from, done }: Attempt<S>, index: number, state: S): Attempt<S> {
  const after = new Set(done).add(index);
  let start = from;
  while (after.delete(start)) start += 1;
  return { state, from: start, done: after };
}

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
  const sorted = history.toSorted((one, other) => one.begunAt - other.begunAt);
  const due = sorted.filter(({ endedAt }) => endedAt < Number.POSITIVE_INFINITY);
  const optional = sorted.filter(({ endedAt }) => endedAt === Number.POSITIVE_INFINITY);
  const tried = new Set<string>();
  let deepest = { count: -1, stuckAt: "" };
  const attempts: Attempt<S>[] = [{ state: model.initial, from: 0, done: new Set(), used: new Set() }];
  for (let attempt = attempts.pop(); attempt !== undefined; attempt = attempts.pop()) {
    const { state, from, done, used } = attempt;
    const { open, firstEnd, stuckAt } = whoMayBeNext(due, attempt);
    if (stuckAt === undefined) return { ok: true };
    if (from + done.size > deepest.count) deepest = { count: from + done.size, stuckAt };
    const follow = (next: Omit<Attempt<S>, "state">, operation: O): void => {
      const after = model.step(state, operation);
      if (after === undefined) return;
      const name = `${next.from} ${rising(next.done)} ${rising(next.used)} ${model.key(after)}`;
      if (tried.has(name)) return;
      tried.add(name);
      attempts.push({ ...next, state: after });
    };
    for (const [index, { begunAt, operation }] of optional.entries()) {
      if (begunAt > firstEnd) break;
      if (!used.has(index)) follow({ from, done, used: new Set(used).add(index) }, operation);
    }
    for (const [index, operation] of open) follow({ ...withDone(from, done, index), used }, operation);
  }
  return { ok: false, stuckAt: deepest.stuckAt };
}

/** Of those that have an end, all before `from` are done, and of the later ones `done`; of the others `used`. */
type Attempt<S> = {
  readonly state: S;
  readonly from: number;
  readonly done: ReadonlySet<number>;
  readonly used: ReadonlySet<number>;
};

type Next<O> = {
  readonly open: readonly (readonly [index: number, operation: O])[];
  /** When the first of them has to have happened. */
  readonly firstEnd: Moment;
  /** Who that is; undefined where nobody is left. */
  readonly stuckAt: string | undefined;
};

/** Whoever began before the first of those that are left had ended. */
function whoMayBeNext<S, O>(due: readonly Timed<O>[], { from, done }: Attempt<S>): Next<O> {
  const begun: (readonly [number, Timed<O>])[] = [];
  let firstEnd = Number.POSITIVE_INFINITY;
  let stuckAt: string | undefined;
  for (let index = from; index < due.length; index += 1) {
    const next = due[index];
    if (next === undefined || next.begunAt > firstEnd) break;
    if (done.has(index)) continue;
    begun.push([index, next]);
    if (next.endedAt < firstEnd) [firstEnd, stuckAt] = [next.endedAt, next.name];
  }
  const open = begun
    .filter(([, { begunAt }]) => begunAt <= firstEnd)
    .map(([index, { operation }]) => [index, operation] as const);
  return { open, firstEnd, stuckAt };
}

function withDone(
  from: number,
  done: ReadonlySet<number>,
  index: number,
): { readonly from: number; readonly done: ReadonlySet<number> } {
  const after = new Set(done).add(index);
  let start = from;
  while (after.delete(start)) start += 1;
  return { from: start, done: after };
}

function rising(numbers: ReadonlySet<number>): string {
  return [...numbers].sort((one, other) => one - other).join();
}

/** Short words for what nearly every requirement does. */
import { setImmediate } from "node:timers/promises";

import type { Append, Change, ChangeResult, CounterChange, Refusal } from "../../record/change.ts";
import type { IndexedFields, Lifetime, Owner, RecordKey, StoredEvent, StoredRecord } from "../../record/record.ts";
import type { CommitOptions, Committed, ReapAnswer, ReapedRecord, Store } from "../../store/contract.ts";
import { CheckFailed, holds, present } from "./check.ts";
import type { Context } from "./requirement.ts";

export type Accepted = Extract<Committed, { readonly ok: true }>;

/** A key nobody else uses. */
export function fresh(context: Context, kind = "note"): RecordKey {
  return { kind, id: context.id() };
}

/** A change that makes a record which must not be there. */
export function creation(key: RecordKey, text = "{}", lifetime: Lifetime = {}): Change {
  return { ...key, expect: "absent", create: { text, lifetime } };
}

export function counting(key: RecordKey, ...counters: readonly CounterChange[]): Change {
  return { ...key, expect: "present", counters };
}

export function appending(key: RecordKey, stream: string, ...data: readonly string[]): Change {
  return { ...key, expect: "present", appends: [{ stream, data }] };
}

export function appendingWith(key: RecordKey, append: Append): Change {
  return { ...key, expect: "present", appends: [append] };
}

/** A commit that has to be accepted. */
export async function accepted(
  store: Store,
  owner: Owner,
  changes: readonly Change[],
  options?: CommitOptions,
): Promise<Accepted> {
  const answer = await store.commit(owner, changes, options);
  if (!answer.ok)
    throw new CheckFailed(`a commit that had to be accepted was refused: ${JSON.stringify(answer.refusal)}`);
  holds(
    "results, one per change",
    answer.results.length === changes.length,
    answer.results,
    `${changes.length} results`,
  );
  return answer;
}

/** A commit of one change that has to be accepted. */
export async function apply(
  store: Store,
  owner: Owner,
  change: Change,
  options?: CommitOptions,
): Promise<ChangeResult> {
  const { results } = await accepted(store, owner, [change], options);
  return present("the result of the change", results[0]);
}

export function make(
  store: Store,
  owner: Owner,
  key: RecordKey,
  text = "{}",
  lifetime: Lifetime = {},
): Promise<ChangeResult> {
  return apply(store, owner, creation(key, text, lifetime));
}

/** A commit that has to be refused, and why it was. */
export async function refusal(
  store: Store,
  owner: Owner,
  changes: readonly Change[],
  options?: CommitOptions,
): Promise<Refusal> {
  const answer = await store.commit(owner, changes, options);
  if (answer.ok)
    throw new CheckFailed(`a commit that had to be refused was accepted: ${JSON.stringify(answer.results)}`);
  return answer.refusal;
}

/** The record, which has to be live. */
export async function live(store: Store, owner: Owner, key: RecordKey): Promise<StoredRecord> {
  const { record } = await store.read(owner, key);
  return present(`the live record of kind "${key.kind}"`, record);
}

export async function isAbsent(store: Store, owner: Owner, key: RecordKey): Promise<boolean> {
  return (await store.read(owner, key)).record === undefined;
}

/** Every retained event of a stream of a live record. */
export async function eventsOf(
  store: Store,
  owner: Owner,
  key: RecordKey,
  stream: string,
): Promise<readonly StoredEvent[]> {
  const page = await store.events(owner, key, stream, { limit: 10_000 });
  return present(`the events of stream "${stream}"`, page).events;
}

export function dataOf(events: readonly StoredEvent[]): readonly string[] {
  return events.map(({ data }) => data);
}

export function positionsOf(events: readonly StoredEvent[]): readonly number[] {
  return events.map(({ position }) => position);
}

/** `[from, …, to]` */
export function span(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

/** An order for comparing what has none: by how it reads as JSON. */
export function inAnyOrder<T>(values: Iterable<T>): readonly T[] {
  return [...values].sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}

/** Everything a record is, as far as anyone can see, for "nothing was written". */
export async function everythingOf(store: Store, owner: Owner, key: RecordKey): Promise<unknown> {
  const { record } = await store.read(owner, key);
  if (record === undefined) return undefined;
  const events: Record<string, unknown> = {};
  for (const stream of record.streams.keys()) {
    events[`stream ${stream}`] = await store.events(owner, key, stream, { limit: 10_000 });
  }
  return { record, events, usage: await store.usage(owner) };
}

/**
 * Repeats a step until told to stop. Each time it lets the event loop turn: a store that answers at once would otherwise
 * keep everybody else from ever going on.
 */
export async function repeatWhile(goesOn: () => boolean, step: () => Promise<void>): Promise<void> {
  while (goesOn()) {
    await step();
    await setImmediate();
  }
}

/** Ids of all pages of a listing. */
export async function listed(
  store: Store,
  owner: Owner,
  kind: string,
  options: {
    readonly order?: "oldest" | "newest";
    readonly limit?: number;
    readonly where?: IndexedFields;
    readonly between?: () => Promise<void>;
  } = {},
): Promise<readonly string[]> {
  const { order = "oldest", limit = 1_000, where, between } = options;
  const ids: string[] = [];
  let after: string | undefined;
  let pages = 0;
  do {
    const page = await store.list(owner, kind, { order, limit, after, where });
    holds("a page of a listing", page.records.length <= limit, page.records.length, `at most ${limit} records`);
    ids.push(...page.records.map(({ id }) => id));
    after = page.next;
    pages += 1;
    if (pages > 10_000) throw new CheckFailed("the listing does not end");
    await between?.();
  } while (after !== undefined);
  return ids;
}

/** What sweeps did to one owner. */
export type Swept = {
  readonly removed: readonly Omit<ReapAnswer["removed"][number], "owner">[];
  readonly closed: readonly Omit<ReapedRecord, "owner">[];
};

/** Reaps until nothing more is due, and gives what was removed and closed of one owner. */
export async function swept(store: Store, owner: Owner, limit = 100): Promise<Swept> {
  const removed: Swept["removed"][number][] = [];
  const closed: Swept["closed"][number][] = [];
  for (let round = 0; round < 10_000; round += 1) {
    const answer = await store.admin.reap({ limit });
    const count = answer.removed.length + answer.closed.length;
    holds("what one reap removed and closed", count <= limit, count, `at most ${limit}`);
    for (const { owner: whose, ...facts } of answer.removed) if (whose === owner) removed.push(facts);
    for (const { owner: whose, ...facts } of answer.closed) if (whose === owner) closed.push(facts);
    if (!answer.more) return { removed, closed };
  }
  throw new CheckFailed("reaping does not end: `more` stays true");
}

/** Reaps until nothing more is due, and gives what went of one owner. */
export async function reaped(store: Store, owner: Owner, limit = 100): Promise<Swept["removed"]> {
  return (await swept(store, owner, limit)).removed;
}

/** Short words for histories that are written by hand. */
import type { Answer, Expectation, Intent, Operation, Result, SeenEvent } from "../history.ts";

type When = readonly [begunAt: number, endedAt: number];
type Told = Partial<Omit<Result, "version">> & { readonly version: number };

const owner = "somebody";
const record = "note/a";
export const other = "note/b";

/** One commit to one record. Without `told`, nobody knows what became of it. */
export function commit(
  name: string,
  when: When,
  intent: Partial<Intent> & { readonly expect: Expectation },
  told?: Told,
): Operation {
  return commits(name, when, [[intent, told]]);
}

/** One commit to several records. */
export function commits(
  name: string,
  [begunAt, endedAt]: When,
  changes: readonly (readonly [Partial<Intent> & { readonly expect: Expectation }, Told | undefined])[],
): Operation {
  const intents = changes.map(
    ([intent]): Intent => ({ key: record, writes: false, counters: {}, appends: {}, ends: false, ...intent }),
  );
  const results = changes.flatMap(([, told]): readonly Result[] => {
    if (told === undefined) return [];
    const { version, created = false, incarnation = created ? version : 1, counters = {}, heads = {} } = told;
    return [{ version, created, incarnation, counters, heads }];
  });
  const known = results.length === intents.length;
  const answer: Answer = known ? { kind: "applied", replayed: false, results } : { kind: "unknown" };
  const request = { what: "commit", owner, intents, commitId: true } as const;
  return { name, begunAt, endedAt: known ? endedAt : Number.POSITIVE_INFINITY, request, answer };
}

/** The same operation, answered otherwise. */
export function answering(operation: Operation, answer: Answer): Operation {
  return { ...operation, answer };
}

export function fenced(operation: Operation, key: string, token: number): Operation {
  if (operation.request.what !== "commit") throw new Error("only a commit has a fence");
  return { ...operation, request: { ...operation.request, fence: { key, token } } };
}

type Seen = {
  readonly key?: string;
  readonly version: number;
  readonly incarnation?: number;
  readonly document: string;
  readonly counters?: Readonly<Record<string, number>>;
  /** By stream: all events from the first on. */
  readonly streams?: Readonly<Record<string, readonly string[]>>;
};

/** A read of a whole record with all its events; `undefined` where there was none. */
export function read(name: string, [begunAt, endedAt]: When, seen: Seen | undefined, key = record): Operation {
  const streams = Object.entries(seen?.streams ?? {});
  const request = {
    what: "read",
    owner,
    key: seen?.key ?? key,
    tails: streams.map(([stream]) => ({ stream, after: 0, limit: 1_000 })),
  } as const;
  const answer: Answer = {
    kind: "read",
    tails: streams.map(([, events]) => numbered(events)),
    ...(seen && {
      record: {
        version: seen.version,
        incarnation: seen.incarnation ?? 1,
        document: seen.document,
        counters: seen.counters ?? {},
        streams: Object.fromEntries(streams.map(([stream, events]) => [stream, { head: events.length, first: 1 }])),
      },
    }),
  };
  return { name, begunAt, endedAt, request, answer };
}

/** A page of the stream "log" after a position. */
export function page(
  name: string,
  [begunAt, endedAt]: When,
  after: number,
  head: number,
  events: readonly SeenEvent[],
): Operation {
  const request = { what: "events", owner, key: record, stream: "log", after, limit: 100, incarnation: 1 } as const;
  const answer: Answer = { kind: "events", page: { head, first: 1, incarnation: 1, events, more: false } };
  return { name, begunAt, endedAt, request, answer };
}

export function repeat(name: string, [begunAt, endedAt]: When, of: string, answer: Answer): Operation {
  return { name, begunAt, endedAt, request: { what: "repeat", of }, answer };
}

function numbered(events: readonly string[]): readonly SeenEvent[] {
  return events.map((data, index) => [index + 1, data]);
}

/** Two records that are there from the beginning, and what is done to the first. */
export const made = commit("made", [0, 10], { expect: "absent", writes: true }, { version: 1, created: true });
export const made2 = commit(
  "made2",
  [0, 10],
  { key: other, expect: "absent", writes: true },
  { version: 1, created: true },
);
export const counting = (name: string, when: readonly [number, number], value?: number): Operation =>
  commit(
    name,
    when,
    { expect: "present", counters: { n: 1 } },
    value === undefined ? undefined : { version: 1, counters: { n: value } },
  );
export const appending = (name: string, when: readonly [number, number], count: number, head?: number): Operation =>
  commit(
    name,
    when,
    { expect: "present", appends: { log: count } },
    head === undefined ? undefined : { version: 1, heads: { log: head } },
  );
export const writing = (name: string, when: readonly [number, number], expected: number, version?: number): Operation =>
  commit(name, when, { expect: expected, writes: true }, version === undefined ? undefined : { version });
export const refused = { kind: "refused", reason: "version", index: 0, actual: 1 } as const;

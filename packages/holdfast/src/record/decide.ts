/**
 * The decision at the heart of every embedded store: given what stands and one change, what comes next, or why not.
 * Pure, so that it can be tested by itself and so that stores differ only in how they keep the result.
 */
import type { Append, Change, ChangeResult, CounterChange, Creation, Refusal, Trim } from "./change.ts";
import { isLive } from "./expiry.ts";
import {
  type IndexedFields,
  type Lifetime,
  maxNamesPerRecord,
  type Position,
  type StreamHead,
  type Version,
} from "./record.ts";
import { utf8Length } from "./text.ts";

/** A record as an embedded store holds it while deciding: the summary without its key, the document left aside. */
export type RecordState = {
  readonly version: Version;
  readonly incarnation: Version;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly touchedAt: number;
  readonly lifetime: Lifetime;
  /** When the absolute lifetime is over. */
  readonly deadlineAt?: number | undefined;
  readonly expiresAt?: number | undefined;
  readonly endedAt?: number | undefined;
  readonly fields: IndexedFields;
  readonly counters: ReadonlyMap<string, number>;
  readonly streams: ReadonlyMap<string, StreamHead>;
  readonly documentPosition: Position;
  readonly documentBytes: number;
};

/** Events that a change appends to one stream, the first of them at position `from`. */
export type AppendedEvents = { readonly stream: string; readonly from: Position; readonly data: readonly string[] };

/** What a store has to do to make a change true. */
export type Effect = {
  readonly next: RecordState;
  readonly result: ChangeResult;
  /** The new document, if it changed. */
  readonly document?: string | undefined;
  readonly appended: readonly AppendedEvents[];
  /** Streams whose oldest events go, each up to and including a position. */
  readonly trimmed: readonly Trim[];
  /** Content of an earlier incarnation (document, counters, events) must go before anything of this one is kept. */
  readonly reset: boolean;
  /** Whether the record ended and its document and events must go now, since nothing is retained. `next` has no content then. */
  readonly drop: boolean;
};

/** What comes of a change: what the store has to write, or why it may not. */
export type Decision = { readonly effect: Effect } | { readonly refusal: Refusal };

/**
 * Decides one change.
 * @param standing what the store has for the key: live, expired, ended, or nothing at all.
 * @param floor the owner's floor: every version of a new incarnation is above it.
 *
 * @example
 * // Under the lock of the owner, with what stands there, before anything is written.
 * const now = Date.now();
 * const decision = decide(standing, change, 0, now, 0);
 * if ("refusal" in decision) return { ok: false, at: now, refusal: decision.refusal };
 * return { ok: true, at: now, replayed: false, results: [decision.effect.result] };
 */
export function decide(
  standing: RecordState | undefined,
  change: Change,
  index: number,
  now: number,
  floor: Version,
): Decision {
  const live = standing !== undefined && isLive(standing, now) ? standing : undefined;
  const mismatch = expectationFailure(live, change, index);
  if (mismatch !== undefined) return { refusal: mismatch };

  let next: RecordState;
  let document: string | undefined;
  if (live === undefined) {
    if (change.create === undefined) return { refusal: { reason: "version", index, expected: change.expect } };
    const begins = Math.max(standing?.version ?? 0, floor) + 1;
    const expected = change.create.version ?? begins;
    if (expected !== begins) return { refusal: { reason: "beginning", index, expected, actual: begins } };
    next = born(change.create, begins, now);
    if (change.lifetime !== undefined) next = { ...next, ...expiryAfter(next, change, now) };
    document = change.create.text;
  } else {
    next = touched(live, change, now);
    document = change.document?.text;
  }

  const counters = addCounters(next.counters, change.counters, index);
  if ("refusal" in counters) return counters;
  const streams = moveStreams(next.streams, change.appends, change.trims, index);
  if ("refusal" in streams) return streams;

  const ended = change.end === true;
  const drop = ended && (next.lifetime.retainMs ?? 0) === 0;
  next = finished(next, ended ? now : undefined, drop ? noContent : contentOf(next, counters.all, streams.all));
  const created = live === undefined;
  return {
    effect: {
      next,
      document,
      appended: streams.appended,
      trimmed: streams.trimmed,
      reset: created && standing !== undefined,
      drop,
      result: {
        version: next.version,
        incarnation: next.incarnation,
        created,
        counters: counters.named,
        heads: streams.heads,
        expiresAt: next.expiresAt,
      },
    },
  };
}

type Content = Pick<RecordState, "counters" | "streams" | "documentPosition" | "documentBytes">;

/** What a tombstone has instead of content; its version, times and fields stay until it is reaped. */
const noContent: Content = {
  counters: new Map(),
  streams: new Map(),
  documentPosition: 0,
  documentBytes: 0,
};

function contentOf(
  { documentPosition, documentBytes }: RecordState,
  counters: RecordState["counters"],
  streams: RecordState["streams"],
): Content {
  return { counters, streams, documentPosition, documentBytes };
}

/**
 * States are spelled out, always in this order, rather than spread: an embedded store makes several for every change,
 * and spreading them cost it more than all its statements.
 */
function finished(state: RecordState, endedAt: number | undefined, content: Content): RecordState {
  return {
    version: state.version,
    incarnation: state.incarnation,
    createdAt: state.createdAt,
    updatedAt: state.updatedAt,
    touchedAt: state.touchedAt,
    lifetime: state.lifetime,
    deadlineAt: state.deadlineAt,
    expiresAt: state.expiresAt,
    endedAt,
    fields: state.fields,
    counters: content.counters,
    streams: content.streams,
    documentPosition: content.documentPosition,
    documentBytes: content.documentBytes,
  };
}

function expectationFailure(live: RecordState | undefined, change: Change, index: number): Refusal | undefined {
  const { expect } = change;
  if (expect === "any") return undefined;
  const met =
    expect === "absent" ? live === undefined : expect === "present" ? live !== undefined : live?.version === expect;
  return met ? undefined : { reason: "version", index, expected: expect, actual: live?.version };
}

function born(creation: Creation, version: Version, now: number): RecordState {
  const { idleMs, absoluteMs } = creation.lifetime;
  const deadlineAt = absoluteMs === undefined ? undefined : now + absoluteMs;
  return {
    version,
    incarnation: version,
    createdAt: now,
    updatedAt: now,
    touchedAt: now,
    lifetime: creation.lifetime,
    deadlineAt,
    expiresAt: earlier(idleMs === undefined ? undefined : now + idleMs, deadlineAt),
    endedAt: undefined,
    fields: creation.fields ?? {},
    counters: new Map(),
    streams: new Map(),
    documentPosition: creation.position ?? 0,
    documentBytes: utf8Length(creation.text),
  };
}

function touched(live: RecordState, change: Change, now: number): RecordState {
  const { document } = change;
  const { lifetime, deadlineAt, expiresAt } = expiryAfter(live, change, now);
  return {
    version: document === undefined ? live.version : live.version + 1,
    incarnation: live.incarnation,
    createdAt: live.createdAt,
    updatedAt: document === undefined ? live.updatedAt : Math.max(live.updatedAt, now),
    // A clock that steps back must not make a record look younger than it is.
    touchedAt: Math.max(live.touchedAt, now),
    lifetime,
    deadlineAt,
    expiresAt,
    endedAt: undefined,
    fields: document?.fields ?? live.fields,
    counters: live.counters,
    streams: live.streams,
    documentPosition: document?.position ?? live.documentPosition,
    documentBytes: document === undefined ? live.documentBytes : utf8Length(document.text),
  };
}

function expiryAfter(
  live: RecordState,
  change: Change,
  now: number,
): Pick<RecordState, "lifetime" | "deadlineAt" | "expiresAt"> {
  if (change.lifetime !== undefined) {
    const { idleMs, absoluteMs } = change.lifetime;
    const deadlineAt = absoluteMs === undefined ? undefined : now + absoluteMs;
    const idleAt = idleMs === undefined ? undefined : now + idleMs;
    return { lifetime: change.lifetime, deadlineAt, expiresAt: earlier(idleAt, deadlineAt) };
  }
  const { lifetime, deadlineAt, expiresAt } = live;
  const { idleMs } = lifetime;
  if (change.slide !== true || idleMs === undefined) return { lifetime, deadlineAt, expiresAt };
  return { lifetime, deadlineAt, expiresAt: slideIsDue(live, now) ? earlier(now + idleMs, deadlineAt) : expiresAt };
}

/** Whether sliding would move the expiry by more than a twentieth of the idle lifetime (trap F14). */
export function slideIsDue(record: Pick<RecordState, "lifetime" | "expiresAt" | "deadlineAt">, now: number): boolean {
  const { idleMs } = record.lifetime;
  if (idleMs === undefined || record.expiresAt === undefined) return false;
  const slid = earlier(now + idleMs, record.deadlineAt) ?? 0;
  return slid - record.expiresAt > idleMs / 20;
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

type Counted =
  | { readonly all: ReadonlyMap<string, number>; readonly named: ReadonlyMap<string, number> }
  | { readonly refusal: Refusal };

const none: ReadonlyMap<string, number> = new Map();

function addCounters(
  standing: ReadonlyMap<string, number>,
  changes: readonly CounterChange[] | undefined,
  index: number,
): Counted {
  if (changes === undefined || changes.length === 0) return { all: standing, named: none };
  const all = new Map(standing);
  const named = new Map<string, number>();
  for (const { name, by, min, max } of changes) {
    const value = all.get(name) ?? 0;
    const sum = value + by;
    const inBounds = Number.isSafeInteger(sum) && sum >= (min ?? sum) && sum <= (max ?? sum);
    if (!inBounds) return { refusal: { reason: "bounds", index, counter: name, value, by } };
    all.set(name, sum);
    named.set(name, sum);
  }
  if (hasTooManyNames(all, standing)) {
    return { refusal: { reason: "quota", quota: "counters", limit: maxNamesPerRecord } };
  }
  return { all, named };
}

/** Whether a change brought new names to a record that has as many as it may have. */
function hasTooManyNames(next: ReadonlyMap<string, unknown>, standing: ReadonlyMap<string, unknown>): boolean {
  return next.size > maxNamesPerRecord && next.size > standing.size;
}

type Moved =
  | {
      readonly all: ReadonlyMap<string, StreamHead>;
      readonly heads: ReadonlyMap<string, Position>;
      readonly appended: readonly AppendedEvents[];
      readonly trimmed: readonly Trim[];
    }
  | { readonly refusal: Refusal };

function moveStreams(
  standing: ReadonlyMap<string, StreamHead>,
  appends: readonly Append[] | undefined,
  trims: readonly Trim[] | undefined,
  index: number,
): Moved {
  if (!appends?.length && !trims?.length) return { all: standing, heads: none, appended: [], trimmed: [] };
  const all = new Map(standing);
  const heads = new Map<string, Position>();
  const appended: AppendedEvents[] = [];
  const trimmed: Trim[] = [];

  const dropThrough = (stream: string, through: Position): void => {
    const { head, first } = all.get(stream) ?? { head: 0, first: 1 };
    const last = Math.min(through, head);
    if (last < first) return;
    all.set(stream, { head, first: last + 1 });
    trimmed.push({ stream, through: last });
  };

  for (const { stream, data, expectedHead, keep } of appends ?? []) {
    const { head, first } = all.get(stream) ?? { head: 0, first: 1 };
    if (expectedHead !== undefined && expectedHead !== head) {
      return { refusal: { reason: "position", index, stream, expected: expectedHead, actual: head } };
    }
    if (data.length > 0) appended.push({ stream, from: head + 1, data });
    all.set(stream, { head: head + data.length, first });
    heads.set(stream, head + data.length);
    if (keep !== undefined) dropThrough(stream, head + data.length - keep);
  }
  for (const { stream, through } of trims ?? []) dropThrough(stream, through);
  if (hasTooManyNames(all, standing)) {
    return { refusal: { reason: "quota", quota: "streams", limit: maxNamesPerRecord } };
  }
  return { all, heads, appended, trimmed };
}

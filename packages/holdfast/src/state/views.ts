import type { ChangeResult } from "../record/change.ts";
import type { Position, RecordSummary, StreamHead } from "../record/record.ts";
import { nameField, ownFields } from "./document.ts";
import type { ListedRecord, RecordView } from "./types.ts";

/** Counts the leases under which the record was updated: the engine's own, and no counter to whom the record belongs. */
export const leasesCounter = "holdfast.leases";

/** What the view after a change takes from before it. */
export type ReadRecord = Pick<
  RecordSummary,
  "kind" | "id" | "version" | "createdAt" | "updatedAt" | "touchedAt" | "counters" | "streams"
>;

/** The view of a record as it was read. */
export function viewOf<Value>(record: RecordSummary, value: Value): RecordView<Value> {
  return {
    kind: record.kind,
    id: record.id,
    version: record.version,
    value,
    counters: shownCounters(record.counters),
    heads: headsOf(record.streams),
    createdAt: new Date(record.createdAt),
    updatedAt: new Date(record.updatedAt),
    touchedAt: new Date(record.touchedAt),
    expiresAt: record.expiresAt === undefined ? undefined : new Date(record.expiresAt),
  };
}

/**
 * The view of a record after a commit that was based on what was read. Counters and heads that the commit did not name
 * are those that were read.
 */
export function viewAfter<Value>(read: ReadRecord, result: ChangeResult, at: number, value: Value): RecordView<Value> {
  return {
    kind: read.kind,
    id: read.id,
    version: result.version,
    value,
    counters: shownCounters(merged(read.counters, result.counters)),
    heads: merged(headsOf(read.streams), result.heads),
    createdAt: new Date(read.createdAt),
    updatedAt: new Date(result.version === read.version ? read.updatedAt : Math.max(read.updatedAt, at)),
    touchedAt: new Date(Math.max(read.touchedAt, at)),
    expiresAt: result.expiresAt === undefined ? undefined : new Date(result.expiresAt),
  };
}

/** The view of a record that a commit has just made. */
export function viewOfCreated<Value>(
  key: { readonly kind: string; readonly id: string },
  result: ChangeResult,
  at: number,
  value: Value,
): RecordView<Value> {
  return {
    kind: key.kind,
    id: key.id,
    version: result.version,
    value,
    counters: result.counters,
    heads: result.heads,
    createdAt: new Date(at),
    updatedAt: new Date(at),
    touchedAt: new Date(at),
    expiresAt: result.expiresAt === undefined ? undefined : new Date(result.expiresAt),
  };
}

export function listedOf(record: RecordSummary): ListedRecord {
  const name = record.fields[nameField];
  return {
    id: record.id,
    ...(typeof name === "string" && { name }),
    version: record.version,
    fields: ownFields(record.fields),
    counters: shownCounters(record.counters),
    heads: headsOf(record.streams),
    createdAt: new Date(record.createdAt),
    updatedAt: new Date(record.updatedAt),
    touchedAt: new Date(record.touchedAt),
    expiresAt: record.expiresAt === undefined ? undefined : new Date(record.expiresAt),
  };
}

function shownCounters(counters: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  if (!counters.has(leasesCounter)) return counters;
  const shown = new Map(counters);
  shown.delete(leasesCounter);
  return shown;
}

const noHeads: ReadonlyMap<string, Position> = new Map();

function headsOf(streams: ReadonlyMap<string, StreamHead>): ReadonlyMap<string, Position> {
  if (streams.size === 0) return noHeads;
  const heads = new Map<string, Position>();
  for (const [stream, { head }] of streams) heads.set(stream, head);
  return heads;
}

function merged(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  if (after.size === 0) return before;
  if (before.size === 0) return after;
  return new Map([...before, ...after]);
}

/** Snapshots, written in the commit of an append, and what may be trimmed once one stands. */
import type { Append, Change, CounterChange, NewDocument, Trim } from "../../record/change.ts";
import { isHoldfastError } from "../../record/errors.ts";
import type { Position, StoredRecord } from "../../record/record.ts";
import { nameField } from "../document.ts";
import {
  baseStream,
  eventsStream,
  foldEvents,
  headOf,
  type Loaded,
  storedOf,
  tailCounter,
  tryFromBase,
} from "./fold.ts";
import type { SourcedScope } from "./scope.ts";
import { copyOfValue, type Snapshot, snapshotFields, snapshotText, writtenSnapshotVersion } from "./snapshot-text.ts";

/** What a commit does to write the snapshot of what was loaded, besides the events it may append. */
export type SnapshotParts = {
  readonly document: NewDocument;
  /** What the tail counter changes by, the events of the same commit aside. */
  readonly tailBy: number;
  readonly bases: readonly Append[];
  readonly trims: readonly Trim[];
};

/** @param appending how many events the same commit appends. */
export async function snapshotParts(
  scope: SourcedScope,
  { record, folded }: Loaded,
  appending: number,
  signal: AbortSignal | undefined,
): Promise<SnapshotParts> {
  const { kind } = scope;
  const text = await snapshotText(kind, folded.value);
  const document = { text, position: folded.position, fields: snapshotFields(kind, record.fields[nameField]) };
  return { document, tailBy: -tailOf(record), ...(await trimming(scope, record, folded.position, appending, signal)) };
}

/**
 * As `snapshotParts`, for a commit that appends events. Undefined where the value has grown beyond what a document may be, and
 * fits again with these events: they may come without a snapshot, or nothing would ever make it smaller.
 */
export async function snapshotOrRelief(
  scope: SourcedScope,
  loaded: Loaded,
  texts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<SnapshotParts | undefined> {
  try {
    return await snapshotParts(scope, loaded, texts.length, signal);
  } catch (error) {
    if (!isHoldfastError(error, "INVALID_ARGUMENT")) throw error;
    const { kind } = scope;
    const { value, position } = loaded.folded;
    const events = storedOf(texts, position, loaded.readAt);
    const after = await foldEvents(kind, { value: await copyOfValue(kind, value), position }, events);
    // Throws the same where it does not fit.
    await snapshotText(kind, after.value);
    return undefined;
  }
}

/** How many events the document does not contain, as the appends have counted them. */
export function tailOf(record: StoredRecord): number {
  return record.counters.get(tailCounter) ?? 0;
}

/** A snapshot of a newer program is not overwritten by an older one, which could not use it and would only spoil it. */
export function mayWriteSnapshot({ kind, guest }: SourcedScope, record: StoredRecord): boolean {
  if (guest?.access === "read") return false;
  return writtenSnapshotVersion(record.fields) <= kind.sourcing.snapshotVersion;
}

export function countTail(by: number, max?: number): CounterChange {
  return { name: tailCounter, by, max };
}

const nothing = { bases: [], trims: [] } as const;

async function trimming(
  scope: SourcedScope,
  record: StoredRecord,
  position: Position,
  appending: number,
  signal: AbortSignal | undefined,
): Promise<Pick<SnapshotParts, "bases" | "trims">> {
  const { maxEventsKept, snapshotVersion } = scope.kind.sourcing;
  const { first = 1 } = record.streams.get(eventsStream) ?? {};
  const through = Math.min(position, headOf(record) + appending - maxEventsKept);
  if (through < first) return nothing;
  const folded = await tryFromBase(scope, record, { through }, signal);
  // Somebody else has trimmed more, with a snapshot of their own: the commit of this one will be refused.
  if (typeof folded === "string") return nothing;
  const { value, at } = folded;
  // Refuses a value that could not be read back, as the snapshot's own text does.
  await snapshotText(scope.kind, value);
  const base: Snapshot = { position: through, ...(at !== undefined && { at }), version: snapshotVersion, value };
  return {
    bases: [{ stream: baseStream, data: [JSON.stringify(base)], keep: 1 }],
    trims: [{ stream: eventsStream, through }],
  };
}

/** The change that writes a snapshot and appends nothing: after a rebuild, and to repair. */
export function snapshotChange(record: StoredRecord, { document, tailBy, bases, trims }: SnapshotParts): Change {
  const { kind, id, version } = record;
  return { kind, id, expect: version, document, counters: [countTail(tailBy)], appends: bases, trims };
}

/** Rows as records. Columns are trusted: nothing but this store writes them. */
import type { IndexedFields, RecordKey, RecordSummary, StoredEvent, StoredRecord } from "../../record/record.ts";
import type { RecordDump } from "../../store/contract.ts";
import { fieldsFromColumn, fromColumn, toColumn } from "./text.ts";
import { mapFromWire } from "./wire.ts";

/** A row of `holdfast.records` as JSON. */
export type RecordColumns = {
  readonly owner: string;
  readonly kind: string;
  readonly id: string;
  readonly place: number;
  readonly record: number;
  readonly version: number;
  readonly incarnation: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly touched_at: number;
  readonly idle_ms: number | null;
  readonly absolute_ms: number | null;
  readonly retain_ms: number | null;
  readonly deadline_at: number | null;
  readonly expires_at: number | null;
  readonly ended_at: number | null;
  readonly document_position: number;
  readonly document_bytes: number;
  readonly event_bytes: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly streams: Readonly<Record<string, readonly [head: number, first: number]>>;
};

export type EventColumns = readonly [position: number, at: number, data: string];

export function summaryOf(columns: RecordColumns, fields: IndexedFields): RecordSummary {
  const { idle_ms, absolute_ms, retain_ms } = columns;
  const streams = [...mapFromWire(columns.streams)].map(([name, [head, first]]) => [name, { head, first }] as const);
  return {
    kind: columns.kind,
    id: columns.id,
    version: columns.version,
    incarnation: columns.incarnation,
    createdAt: columns.created_at,
    updatedAt: columns.updated_at,
    touchedAt: columns.touched_at,
    lifetime: {
      ...(idle_ms !== null && { idleMs: idle_ms }),
      ...(absolute_ms !== null && { absoluteMs: absolute_ms }),
      ...(retain_ms !== null && { retainMs: retain_ms }),
    },
    deadlineAt: columns.deadline_at ?? undefined,
    expiresAt: columns.expires_at ?? undefined,
    endedAt: columns.ended_at ?? undefined,
    fields: fieldsFromColumn(fields),
    counters: mapFromWire(columns.counters),
    streams: new Map(streams),
    documentPosition: columns.document_position,
    documentBytes: columns.document_bytes,
  };
}

export function recordOf(columns: RecordColumns, fields: IndexedFields, document: string): StoredRecord {
  return { ...summaryOf(columns, fields), document: fromColumn(document) };
}

export function eventOf([position, at, data]: EventColumns): StoredEvent {
  return { position, at, data: fromColumn(data) };
}

/** A dump's record as columns; where it lies and what it is listed after is the database's to say. */
export function columnsOf(
  { kind, id }: RecordKey,
  { record }: RecordDump,
  sizes: { readonly document: number; readonly events: number },
): Omit<RecordColumns, "owner" | "place" | "record"> {
  return {
    kind,
    id,
    version: record.version,
    incarnation: record.incarnation,
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    touched_at: record.touchedAt,
    idle_ms: record.lifetime.idleMs ?? null,
    absolute_ms: record.lifetime.absoluteMs ?? null,
    retain_ms: record.lifetime.retainMs ?? null,
    deadline_at: record.deadlineAt ?? null,
    expires_at: record.expiresAt ?? null,
    ended_at: record.endedAt ?? null,
    document_position: record.documentPosition,
    document_bytes: sizes.document,
    event_bytes: sizes.events,
    counters: Object.fromEntries([...record.counters].map(([name, value]) => [toColumn(name), value])),
    streams: Object.fromEntries(
      [...record.streams].map(([name, { head, first }]) => [toColumn(name), [head, first] as const]),
    ),
  };
}

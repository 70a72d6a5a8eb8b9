/** How entries, outcomes and odd text are written into columns. JSON escapes NUL and lone surrogates by itself. */
import type { ChangeResult } from "../../record/change.ts";
import type { RecordState } from "../../record/decide.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { IndexedFields, Lifetime, StoredEvent, StreamHead } from "../../record/record.ts";
import type { CommitOutcome } from "../../store/contract.ts";
import type { SqlRow, SqlValue } from "./client.ts";
import { type Entry, type TailEvent, tailEvent } from "./entry.ts";

/** SQLite's text ends at a NUL for this driver, so text that has one is kept as bytes. */
export function textToColumn(text: string): SqlValue {
  return text.includes("\0") ? Buffer.from(text, "utf8") : text;
}

export function textFromColumn(value: SqlValue | undefined): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
  throw damaged("a text column holds something else");
}

/** Points in time other than `createdAt` are milliseconds since then: rows are rewritten whole, so short ones pay. */
type Meta = readonly [
  version: number,
  incarnation: number,
  createdAt: number,
  updatedAfter: number,
  touchedAfter: number,
  lifetime: 0 | readonly [idleMs: number | null, absoluteMs: number | null, retainMs: number | null],
  deadlineAfter: number | null,
  expiresAfter: number | null,
  endedAfter: number | null,
  documentPosition: number,
  documentBytes: number,
  eventBytes: number,
  fields: IndexedFields,
  /** Name and value, one after the other: names may be any text, and their order is kept. */
  counters: readonly (string | number)[],
  /** Name, number, head and first of each. */
  streams: readonly (string | number)[],
];

/** The JSON text of a `Meta`, put together by hand: it is written with every change. */
export function metaToColumn({ state, streamNumbers, eventBytes }: Entry): string {
  const { createdAt } = state;
  let text =
    `[${state.version},${state.incarnation},${createdAt},${state.updatedAt - createdAt},${state.touchedAt - createdAt},` +
    `${lifetimeText(state.lifetime)},${since(createdAt, state.deadlineAt)},${since(createdAt, state.expiresAt)},` +
    `${since(createdAt, state.endedAt)},${state.documentPosition},${state.documentBytes},${eventBytes},` +
    `${JSON.stringify(state.fields)},[`;
  let separator = "";
  for (const [name, value] of state.counters) {
    text += `${separator}${JSON.stringify(name)},${value}`;
    separator = ",";
  }
  text += "],[";
  separator = "";
  for (const [name, { head, first }] of state.streams) {
    text += `${separator}${JSON.stringify(name)},${streamNumbers.get(name) ?? 0},${head},${first}`;
    separator = ",";
  }
  return `${text}]]`;
}

function lifetimeText({ idleMs, absoluteMs, retainMs }: Lifetime): string {
  const forEver = idleMs === undefined && absoluteMs === undefined && retainMs === undefined;
  return forEver ? "0" : `[${idleMs ?? null},${absoluteMs ?? null},${retainMs ?? null}]`;
}

function since(createdAt: number, at: number | undefined): string {
  return at === undefined ? "null" : String(at - createdAt);
}

/** An entry from the columns `id, live, meta, tail, document` of its row. */
export function entryFromRow(row: SqlRow): Entry {
  const meta = parse(row["meta"]) as Meta;
  const tail = row["tail"] === null || row["tail"] === undefined ? [] : tailFromColumn(row["tail"], meta[2]);
  const apart = row["document"] === null;
  const streamNumbers = new Map<string, number>();
  const streams = new Map<string, StreamHead>();
  const flat = meta[14];
  for (let index = 0; index < flat.length; index += 4) {
    const name = String(flat[index]);
    streamNumbers.set(name, Number(flat[index + 1]));
    streams.set(name, { head: Number(flat[index + 2]), first: Number(flat[index + 3]) });
  }
  return {
    row: Number(row["id"]),
    live: row["live"] === 1,
    state: stateFromMeta(meta, streams),
    streamNumbers,
    eventBytes: meta[11],
    tail,
    apart,
    document: apart ? undefined : textFromColumn(row["document"]),
  };
}

function stateFromMeta(meta: Meta, streams: ReadonlyMap<string, StreamHead>): RecordState {
  const counters = new Map<string, number>();
  const flat = meta[13];
  for (let index = 0; index < flat.length; index += 2) counters.set(String(flat[index]), Number(flat[index + 1]));
  const [idleMs, absoluteMs, retainMs] = meta[5] === 0 ? [null, null, null] : meta[5];
  const lifetime: Lifetime = {
    ...(idleMs !== null && { idleMs }),
    ...(absoluteMs !== null && { absoluteMs }),
    ...(retainMs !== null && { retainMs }),
  };
  const createdAt = meta[2];
  const later = (ms: number | null): number | undefined => (ms === null ? undefined : createdAt + ms);
  return {
    version: meta[0],
    incarnation: meta[1],
    createdAt,
    updatedAt: createdAt + meta[3],
    touchedAt: createdAt + meta[4],
    lifetime,
    deadlineAt: later(meta[6]),
    expiresAt: later(meta[7]),
    endedAt: later(meta[8]),
    fields: meta[12],
    counters,
    streams,
    documentPosition: meta[9],
    documentBytes: meta[10],
  };
}

/** Stream, position, time since creation and data, one after the other. */
export function tailToColumn({ tail, state }: Entry): SqlValue {
  if (tail.length === 0) return null;
  let column = "";
  for (const { stream, position, at, json } of tail) {
    column += `${column === "" ? "[" : ","}${stream},${position},${at - state.createdAt},${json}`;
  }
  return `${column}]`;
}

function tailFromColumn(column: SqlValue, createdAt: number): readonly TailEvent[] {
  const flat = parse(column) as readonly (string | number)[];
  const tail: TailEvent[] = [];
  for (let index = 0; index < flat.length; index += 4) {
    const at = createdAt + Number(flat[index + 2]);
    tail.push(tailEvent(Number(flat[index]), Number(flat[index + 1]), at, String(flat[index + 3])));
  }
  return tail;
}

/** Time and data of each, one after the other; times after the first are milliseconds since that. */
export function runToColumn(events: readonly TailEvent[]): string {
  const began = events[0]?.at ?? 0;
  let column = "";
  for (const { at, json } of events) column += column === "" ? `[${at},${json}` : `,${at - began},${json}`;
  return `${column}]`;
}

/** The events of a run whose newest has the position `last`, oldest first. */
export function runFromColumn(column: SqlValue | undefined, last: number): StoredEvent[] {
  const flat = parse(column) as readonly (string | number)[];
  const began = Number(flat[0]);
  const count = flat.length / 2;
  const events: StoredEvent[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = index === 0 ? began : began + Number(flat[index * 2]);
    events.push({ position: last - count + index + 1, at, data: String(flat[index * 2 + 1]) });
  }
  return events;
}

type FlatResult = readonly [
  version: number,
  incarnation: number,
  created: boolean,
  counters: readonly (readonly [string, number])[],
  heads: readonly (readonly [string, number])[],
  expiresAt: number | null,
];

export function outcomeToColumn({ digest, at, results }: CommitOutcome): string {
  const flat = results.map(
    (result): FlatResult => [
      result.version,
      result.incarnation,
      result.created,
      [...result.counters],
      [...result.heads],
      result.expiresAt ?? null,
    ],
  );
  return JSON.stringify([digest, at, flat]);
}

export function outcomeFromColumn(column: SqlValue | undefined): CommitOutcome {
  const [digest, at, flat] = parse(column) as readonly [string, number, readonly FlatResult[]];
  const results = flat.map(
    ([version, incarnation, created, counters, heads, expiresAt]): ChangeResult => ({
      version,
      incarnation,
      created,
      counters: new Map(counters),
      heads: new Map(heads),
      expiresAt: expiresAt ?? undefined,
    }),
  );
  return { digest, at, results };
}

export function kindsToColumn(kinds: ReadonlyMap<string, number>): string {
  return JSON.stringify([...kinds]);
}

export function kindsFromColumn(column: SqlValue | undefined): ReadonlyMap<string, number> {
  return new Map(parse(column) as readonly (readonly [string, number])[]);
}

function parse(column: SqlValue | undefined): unknown {
  try {
    return JSON.parse(textFromColumn(column));
  } catch (cause) {
    throw damaged("a column that holds JSON does not parse", cause);
  }
}

function damaged(what: string, cause?: unknown): HoldfastError {
  return new HoldfastError("STORE_CORRUPT", `the database file is damaged: ${what}`, { cause });
}

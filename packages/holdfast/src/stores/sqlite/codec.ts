/** How entries, outcomes and odd text are written into columns. JSON escapes NUL and lone surrogates by itself. */
import type { ChangeResult } from "../../record/change.ts";
import type { RecordState } from "../../record/decide.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { IndexedFields, Lifetime, StreamHead } from "../../record/record.ts";
import type { CommitOutcome } from "../../store/contract.ts";
import type { SqlRow, SqlValue } from "./client.ts";
import { type Entry, type TailEvent, tailEvent } from "./entry.ts";

/** SQLite's text ends at a NUL for this driver, so text that has one is kept as bytes. */
export function textToColumn(text: string): SqlValue {
  return text.includes("\0") ? Buffer.from(text, "utf8") : text;
}

export function textFromColumn(value: SqlValue | undefined): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
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

export function metaToColumn({ state, streamNumbers, eventBytes }: Entry): string {
  const { createdAt, lifetime, deadlineAt, expiresAt, endedAt } = state;
  const { idleMs, absoluteMs, retainMs } = lifetime;
  const forEver = idleMs === undefined && absoluteMs === undefined && retainMs === undefined;
  const counters: (string | number)[] = [];
  for (const [name, value] of state.counters) counters.push(name, value);
  const streams: (string | number)[] = [];
  for (const [name, { head, first }] of state.streams) streams.push(name, streamNumbers.get(name) ?? 0, head, first);
  const meta: Meta = [
    state.version,
    state.incarnation,
    createdAt,
    state.updatedAt - createdAt,
    state.touchedAt - createdAt,
    forEver ? 0 : [idleMs ?? null, absoluteMs ?? null, retainMs ?? null],
    deadlineAt === undefined ? null : deadlineAt - createdAt,
    expiresAt === undefined ? null : expiresAt - createdAt,
    endedAt === undefined ? null : endedAt - createdAt,
    state.documentPosition,
    state.documentBytes,
    eventBytes,
    state.fields,
    counters,
    streams,
  ];
  return JSON.stringify(meta);
}

/** An entry from the columns `id, live, meta, tail, document` of its row. */
export function entryFromRow(row: SqlRow): Entry {
  const meta = parse<Meta>(row["meta"]);
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
  const flat = parse<readonly (string | number)[]>(column);
  const tail: TailEvent[] = [];
  for (let index = 0; index < flat.length; index += 4) {
    const at = createdAt + Number(flat[index + 2]);
    tail.push(tailEvent(Number(flat[index]), Number(flat[index + 1]), at, String(flat[index + 3])));
  }
  return tail;
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
  const [digest, at, flat] = parse<readonly [string, number, readonly FlatResult[]]>(column);
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
  return new Map(parse<readonly (readonly [string, number])[]>(column));
}

function parse<T>(column: SqlValue | undefined): T {
  try {
    // Written by the functions above and by nothing else.
    return JSON.parse(textFromColumn(column)) as T;
  } catch (cause) {
    throw damaged("a column that holds JSON does not parse", cause);
  }
}

function damaged(what: string, cause?: unknown): HoldfastError {
  return new HoldfastError("STORE_CORRUPT", `the database file is damaged: ${what}`, { cause });
}

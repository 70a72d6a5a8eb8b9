/** Records as the scripts answer them. Trusted: nothing but this store writes them. */
import type {
  IndexedFields,
  RecordKey,
  RecordSummary,
  StoredEvent,
  StoredRecord,
  StreamHead,
} from "../../record/record.ts";
import { numberOr, type Wide } from "./wire.ts";

/** `shown` in `scripts/shared.ts`: facts are numbers, from the version to the place, null where there is none. */
export type WireRecord = readonly [
  key: string,
  facts: readonly (Wide | null)[],
  counterNames: readonly string[],
  counterValues: readonly string[],
  streams: readonly (string | number)[],
  fields: string,
  document: string | null,
];

export function summaryOf([key, facts, names, values, streams, fields]: WireRecord): RecordSummary {
  // By index rather than taken apart: every read comes through here.
  const idleMs = numberOr(facts[5]);
  const absoluteMs = numberOr(facts[6]);
  const retainMs = numberOr(facts[7]);
  const lifetime: { idleMs?: number; absoluteMs?: number; retainMs?: number } = {};
  if (idleMs !== undefined) lifetime.idleMs = idleMs;
  if (absoluteMs !== undefined) lifetime.absoluteMs = absoluteMs;
  if (retainMs !== undefined) lifetime.retainMs = retainMs;
  const { kind, id } = keyOf(key);
  return {
    kind,
    id,
    version: Number(facts[0]),
    incarnation: Number(facts[1]),
    createdAt: Number(facts[2]),
    updatedAt: Number(facts[3]),
    touchedAt: Number(facts[4]),
    lifetime,
    deadlineAt: numberOr(facts[8]),
    expiresAt: numberOr(facts[9]),
    endedAt: numberOr(facts[10]),
    fields: fieldsOf(fields),
    counters: countersOf(names, values),
    streams: headsOf(streams),
    documentPosition: Number(facts[11]),
    documentBytes: Number(facts[12]),
  };
}

const noCounters: ReadonlyMap<string, number> = new Map();

function countersOf(names: readonly string[], values: readonly string[]): ReadonlyMap<string, number> {
  if (names.length === 0) return noCounters;
  const counters = new Map<string, number>();
  for (const [index, name] of names.entries()) counters.set(name, Number(values[index]));
  return counters;
}

const noStreams: ReadonlyMap<string, StreamHead> = new Map();

function headsOf(streams: readonly (string | number)[]): ReadonlyMap<string, StreamHead> {
  if (streams.length === 0) return noStreams;
  const heads = new Map<string, StreamHead>();
  for (let index = 0; index < streams.length; index += 3) {
    heads.set(String(streams[index]), { head: Number(streams[index + 1]), first: Number(streams[index + 2]) });
  }
  return heads;
}

export function recordOf(record: WireRecord): StoredRecord {
  return Object.assign(summaryOf(record), { document: record[6] ?? "" });
}

export function keyOf(key: string): RecordKey {
  const slash = key.indexOf("/");
  return { kind: key.slice(0, slash), id: key.slice(slash + 1) };
}

export function fieldsOf(text: string): IndexedFields {
  // Only fields were ever put there.
  return text === "" || text === "{}" ? {} : (JSON.parse(text) as IndexedFields);
}

/** Positions, times and data in turn. */
export function eventsOf(flat: readonly (string | number)[]): readonly StoredEvent[] {
  const events: StoredEvent[] = [];
  for (let index = 0; index < flat.length; index += 3) {
    events.push({ position: Number(flat[index]), at: Number(flat[index + 1]), data: String(flat[index + 2]) });
  }
  return events;
}

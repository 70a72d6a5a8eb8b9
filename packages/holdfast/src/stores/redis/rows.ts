/** Records as the scripts answer them. Trusted: nothing but this store writes them. */
import type { IndexedFields, RecordKey, RecordSummary, StoredEvent, StoredRecord } from "../../record/record.ts";
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
  const [version, incarnation, createdAt, updatedAt, touchedAt, idleMs, absoluteMs, retainMs, ...rest] =
    facts.map(numberOr);
  const [deadlineAt, expiresAt, endedAt, documentPosition, documentBytes] = rest;
  const heads = new Map<string, { head: number; first: number }>();
  for (let index = 0; index < streams.length; index += 3) {
    heads.set(String(streams[index]), { head: Number(streams[index + 1]), first: Number(streams[index + 2]) });
  }
  return {
    ...keyOf(key),
    version: version ?? 0,
    incarnation: incarnation ?? 0,
    createdAt: createdAt ?? 0,
    updatedAt: updatedAt ?? 0,
    touchedAt: touchedAt ?? 0,
    lifetime: {
      ...(typeof idleMs === "number" && { idleMs }),
      ...(typeof absoluteMs === "number" && { absoluteMs }),
      ...(typeof retainMs === "number" && { retainMs }),
    },
    deadlineAt,
    expiresAt,
    endedAt,
    fields: fieldsOf(fields),
    counters: new Map(names.map((name, index) => [name, Number(values[index])])),
    streams: heads,
    documentPosition: documentPosition ?? 0,
    documentBytes: documentBytes ?? 0,
  };
}

export function recordOf(record: WireRecord): StoredRecord {
  return { ...summaryOf(record), document: record[6] ?? "" };
}

export function keyOf(key: string): RecordKey {
  const [kind = "", id = ""] = key.split("/");
  return { kind, id };
}

export function fieldsOf(text: string): IndexedFields {
  // Only fields were ever put there.
  return text === "" ? {} : (JSON.parse(text) as IndexedFields);
}

/** Positions, times and data in turn. */
export function eventsOf(flat: readonly (string | number)[]): readonly StoredEvent[] {
  const events: StoredEvent[] = [];
  for (let index = 0; index < flat.length; index += 3) {
    events.push({ position: Number(flat[index]), at: Number(flat[index + 1]), data: String(flat[index + 2]) });
  }
  return events;
}

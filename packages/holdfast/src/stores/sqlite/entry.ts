/** A record as this store holds it, between the rows it lies in and the decisions that are made on it. */
import type { RecordState } from "../../record/decide.ts";
import type { RecordKey, RecordSummary, StoredEvent, StoredRecord } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";

/** One event that still lies in its record's row. */
export type TailEvent = StoredEvent & {
  readonly stream: number;
  readonly bytes: number;
  /** `data` as JSON: the row is written many times while the event lies in it, the text is escaped once. */
  readonly json: string;
};

/** Immutable: a change makes a new one, so that a batch that fails leaves what is cached as it was. */
export type Entry = {
  /** The row's id; 0 while there is none yet. */
  readonly row: number;
  /** Whether the owner's row counts it. Stays true after expiry until that is noticed. */
  readonly live: boolean;
  readonly state: RecordState;
  /** Streams by the number they have in this record. */
  readonly streamNumbers: ReadonlyMap<string, number>;
  /** Bytes of all retained events, wherever they lie. */
  readonly eventBytes: number;
  /** The newest events of any streams; of each stream a run up to its head. */
  readonly tail: readonly TailEvent[];
  /** Whether the document lies in its own table. */
  readonly apart: boolean;
  /** The document; undefined where it lies apart and was not read. */
  readonly document: string | undefined;
};

export function tailEvent(stream: number, position: number, at: number, data: string): TailEvent {
  return { stream, position, at, data, bytes: utf8Length(data), json: JSON.stringify(data) };
}

/** Documents up to this many bytes lie in the record's row, so that a change of both touches one page. */
export const maxInlineBytes = 1024;
/** Events are moved to their own table once the tail takes more than this. */
export const maxTailBytes = 512;
/** What an event in a tail takes besides its data, about. */
export const tailEventOverhead = 20;

/** Bytes an owner is charged for. */
export function bytesOf(entry: Entry): number {
  return entry.state.documentBytes + entry.eventBytes;
}

/** Retained events of all streams. */
export function eventCountOf({ state }: Pick<Entry, "state">): number {
  let count = 0;
  for (const { head, first } of state.streams.values()) count += head - first + 1;
  return count;
}

export function summaryOf(key: RecordKey, { state }: Pick<Entry, "state">): RecordSummary {
  return { kind: key.kind, id: key.id, ...state };
}

/** Spelled out like states, and for the same reason. */
export function recordOf(key: RecordKey, { state }: Entry, document: string): StoredRecord {
  return {
    kind: key.kind,
    id: key.id,
    version: state.version,
    incarnation: state.incarnation,
    createdAt: state.createdAt,
    updatedAt: state.updatedAt,
    touchedAt: state.touchedAt,
    lifetime: state.lifetime,
    deadlineAt: state.deadlineAt,
    expiresAt: state.expiresAt,
    endedAt: state.endedAt,
    fields: state.fields,
    counters: state.counters,
    streams: state.streams,
    documentPosition: state.documentPosition,
    documentBytes: state.documentBytes,
    document,
  };
}

/** Position of the newest event of a stream that lies in the events table; below `first` if none does. */
export function settledHead(entry: Entry, stream: string): number {
  const head = entry.state.streams.get(stream)?.head ?? 0;
  const number = entry.streamNumbers.get(stream);
  const inTail = entry.tail.find((event) => event.stream === number);
  return inTail === undefined ? head : inTail.position - 1;
}

/** What an entry takes in memory, about. */
export function weightOf({ state, tail, document }: Entry): number {
  let weight = 800 + (document?.length ?? 0) * 2;
  weight += (state.counters.size + state.streams.size * 2) * 120;
  for (const { data } of tail) weight += 120 + data.length * 2;
  return weight;
}

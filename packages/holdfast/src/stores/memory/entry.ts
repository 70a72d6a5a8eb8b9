import type { Effect, RecordState } from "../../record/decide.ts";
import type { RecordSummary, StoredEvent, StoredRecord } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";
import type { Ring } from "./commit-ids.ts";
import type { Node } from "./creation-order.ts";
import type { Scanned } from "./data.ts";
import { EventLog } from "./event-log.ts";

/** A record as this store holds it. */
export class Entry {
  readonly kind: string;
  readonly id: string;
  /** Internal commit ids that named this record. */
  readonly ring: Ring = [];
  /** Where the record is in its owner's listing; undefined until it was created. */
  listed: Node<Entry> | undefined;
  /** Where the record is in the scan over all owners. */
  scanned: Node<Scanned> | undefined;
  /** Whether the owner's counts include the record as live. */
  counted = false;
  state: RecordState;
  document = "";
  #logs = new Map<string, EventLog>();

  constructor(kind: string, id: string, state: RecordState) {
    this.kind = kind;
    this.id = id;
    this.state = state;
  }

  get bytes(): number {
    let bytes = this.state.documentBytes;
    for (const log of this.#logs.values()) bytes += log.bytes;
    return bytes;
  }

  get eventCount(): number {
    let count = 0;
    for (const log of this.#logs.values()) count += log.size;
    return count;
  }

  log(stream: string): EventLog | undefined {
    return this.#logs.get(stream);
  }

  apply(effect: Effect, at: number): void {
    const { next, document, appended, trimmed, reset, drop } = effect;
    // The caller keeps its objects; what is stored must not change with them.
    this.state = { ...next, fields: { ...next.fields }, lifetime: { ...next.lifetime } };
    if (reset || drop) {
      this.#logs = new Map();
      this.document = "";
    }
    if (drop) return;
    if (document !== undefined) this.document = document;
    for (const { stream, from, data } of appended) {
      const log = this.#logs.get(stream) ?? new EventLog();
      this.#logs.set(stream, log);
      for (const [index, text] of data.entries()) log.append({ position: from + index, at, data: text });
    }
    for (const { stream, through } of trimmed) this.#logs.get(stream)?.trimThrough(through);
  }

  replace(record: StoredRecord, events: Readonly<Record<string, readonly StoredEvent[]>>): void {
    const { kind: _kind, id: _id, document, ...state } = record;
    this.state = {
      ...state,
      fields: { ...state.fields },
      lifetime: { ...state.lifetime },
      documentBytes: utf8Length(document),
      counters: new Map(state.counters),
      streams: new Map(state.streams),
    };
    this.document = document;
    this.#logs = new Map();
    for (const [stream, list] of Object.entries(events)) {
      const log = new EventLog();
      for (const event of list) log.append({ ...event });
      this.#logs.set(stream, log);
    }
  }

  /** Events by stream, streams without any included. */
  events(): Readonly<Record<string, readonly StoredEvent[]>> {
    const streams = [...this.state.streams.keys()];
    // `fromEntries` defines properties, so that a stream named "__proto__" is one like any other.
    return Object.fromEntries(streams.map((stream) => [stream, this.#logs.get(stream)?.all() ?? []]));
  }

  summary(): RecordSummary {
    return { kind: this.kind, id: this.id, ...this.state };
  }

  record(): StoredRecord {
    return { ...this.summary(), document: this.document };
  }
}

/** Bytes an effect will leave the record with: what a quota has to know before anything is written. */
export function bytesAfter(
  entry: Entry | undefined,
  { next, document, appended, trimmed, reset, drop }: Effect,
): number {
  if (drop) return 0;
  const kept = reset ? undefined : entry;
  let bytes = document === undefined ? (kept?.state.documentBytes ?? 0) : next.documentBytes;
  for (const stream of next.streams.keys()) {
    const log = kept?.log(stream);
    const through = trimmed.reduce((most, trim) => (trim.stream === stream ? Math.max(most, trim.through) : most), 0);
    bytes += (log?.bytes ?? 0) - (through > 0 ? (log?.bytesThrough(through) ?? 0) : 0);
    for (const { from, data } of appended.filter((append) => append.stream === stream)) {
      for (const [index, text] of data.entries()) if (from + index > through) bytes += utf8Length(text);
    }
  }
  return bytes;
}

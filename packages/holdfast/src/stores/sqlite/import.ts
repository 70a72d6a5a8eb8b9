import type { RecordState } from "../../record/decide.ts";
import { HoldfastError } from "../../record/errors.ts";
import { isLive } from "../../record/expiry.ts";
import type { Position, StreamHead } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";
import type { RecordDump } from "../../store/contract.ts";
import { noGrowth } from "./account.ts";
import { bytesOf, type Entry, eventCountOf, maxInlineBytes, type TailEvent, tailEvent } from "./entry.ts";
import { hasSettledEvents, type Transaction } from "./transaction.ts";

/** Puts a record in as it was elsewhere. Throws `CONFLICT` where a higher version stands. */
export function importRecord(transaction: Transaction, owner: string, dump: RecordDump, now: number): void {
  const account = transaction.account(owner);
  const standing = transaction.find(account, dump.record);
  const before = standing?.entry;
  if (before !== undefined && before.state.version > dump.record.version) {
    throw new HoldfastError(
      "CONFLICT",
      `version ${before.state.version} of this record stands, above ${dump.record.version}`,
      { details: { expected: dump.record.version, actual: before.state.version } },
    );
  }
  // The same incarnation keeps its row, and with it its place in listings.
  const row = before?.state.incarnation === dump.record.incarnation ? before.row : 0;
  if (before !== undefined && row !== 0 && hasSettledEvents(before)) transaction.statements.get("deleteEvents").run(row);
  const entry = entryOfDump(dump, row, now);

  const growth = noGrowth();
  growth.stored = before === undefined ? 1 : 0;
  growth.events = eventCountOf(entry) - (before === undefined ? 0 : eventCountOf(before));
  growth.bytes = bytesOf(entry) - (before === undefined ? 0 : bytesOf(before));
  const live = Number(entry.live) - Number(before?.live ?? false);
  if (live !== 0) growth.kinds.set(dump.record.kind, live);
  transaction.put(account, dump.record, standing, entry);
  transaction.grow(account, growth);
}

function entryOfDump(dump: RecordDump, row: number, now: number): Entry {
  const { record, events } = dump;
  const { kind: _kind, id: _id, document, ...state } = record;
  const streamNumbers = new Map([...state.streams.keys()].map((name, index) => [name, index + 1] as const));
  const tail: TailEvent[] = [];
  for (const [name, list] of Object.entries(events)) {
    const stream = streamNumbers.get(name);
    if (stream === undefined) throw new HoldfastError("INVALID_ARGUMENT", "the dump has events of a stream it does not list");
    for (const { position, at, data } of list) tail.push(tailEvent(stream, position, at, data));
  }
  const streams = new Map([...state.streams].map(([name, { head }]) => [name, retained(name, head, dump)] as const));
  const copied: RecordState = {
    ...state,
    fields: { ...state.fields },
    lifetime: { ...state.lifetime },
    counters: new Map(state.counters),
    streams,
  };
  const documentBytes = utf8Length(document);
  return {
    row,
    live: isLive(copied, now),
    state: { ...copied, documentBytes },
    streamNumbers,
    eventBytes: tail.reduce((sum, { bytes }) => sum + bytes, 0),
    tail,
    apart: documentBytes > maxInlineBytes,
    document,
  };
}

/** What the dump has of a stream, which must be a run of positions up to its head. */
function retained(name: string, head: Position, { events }: RecordDump): StreamHead {
  const list = Object.hasOwn(events, name) ? (events[name] ?? []) : [];
  const first = head - list.length + 1;
  if (list.some(({ position }, index) => position !== first + index)) {
    throw new HoldfastError("INVALID_ARGUMENT", "a stream of the dump has gaps, or ends before its head");
  }
  return { head, first };
}

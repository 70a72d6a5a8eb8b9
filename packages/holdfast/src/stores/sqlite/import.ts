import type { RecordState } from "../../record/decide.ts";
import { isLive } from "../../record/expiry.ts";
import { utf8Length } from "../../record/text.ts";
import type { RecordDump } from "../../store/contract.ts";
import { refuseSetback } from "../../store/validate-dump.ts";
import { noGrowth } from "./account.ts";
import { bytesOf, type Entry, eventCountOf, maxInlineBytes, type TailEvent, tailEvent } from "./entry.ts";
import { hasSettledEvents, type Transaction } from "./transaction.ts";

/** Puts a record in as it was elsewhere. Throws `CONFLICT` where that would take versions back. The dump must be valid. */
export function importRecord(transaction: Transaction, owner: string, dump: RecordDump, now: number): void {
  const account = transaction.account(owner);
  const standing = transaction.find(account, dump.record);
  const before = standing?.entry;
  const { importFloor } = account.account;
  refuseSetback(dump.record, before?.state.version, importFloor);
  // The same incarnation keeps its row, and with it its place in listings.
  const row = before?.state.incarnation === dump.record.incarnation ? before.row : 0;
  if (before !== undefined && row !== 0 && hasSettledEvents(before))
    transaction.statements.get("deleteEvents").run(row);
  const entry = entryOfDump(dump, row, now);

  const growth = noGrowth();
  growth.stored = before === undefined ? 1 : 0;
  growth.events = eventCountOf(entry) - (before === undefined ? 0 : eventCountOf(before));
  growth.bytes = bytesOf(entry) - (before === undefined ? 0 : bytesOf(before));
  const live = Number(entry.live) - Number(before?.live ?? false);
  if (live !== 0) growth.kinds.set(dump.record.kind, live);
  transaction.put(account, dump.record, standing, entry);
  transaction.grow(account, growth);
  // What came by import is nothing that was made since an erasure.
  account.account = { ...account.account, importFloor };
}

function entryOfDump(dump: RecordDump, row: number, now: number): Entry {
  const { record, events } = dump;
  const { kind: _kind, id: _id, document, ...state } = record;
  const streamNumbers = new Map([...state.streams.keys()].map((name, index) => [name, index + 1] as const));
  const tail: TailEvent[] = [];
  for (const [name, list] of Object.entries(events)) {
    const stream = streamNumbers.get(name);
    if (stream === undefined) continue;
    for (const { position, at, data } of list) tail.push(tailEvent(stream, position, at, data));
  }
  const copied: RecordState = {
    ...state,
    fields: { ...state.fields },
    lifetime: { ...state.lifetime },
    counters: new Map(state.counters),
    streams: new Map(state.streams),
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

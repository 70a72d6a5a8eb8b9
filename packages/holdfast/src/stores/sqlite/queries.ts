/** What readers ask, each inside a read transaction. Synchronous; the cache is used where it holds the answer. */
import { listingScope, openCursor, sealCursor } from "../../record/cursor.ts";
import { isLive } from "../../record/expiry.ts";
import { matchesFields } from "../../record/fields.ts";
import { type Usage, usageOf } from "../../record/quota.ts";
import type { Position, RecordKey, RecordSummary, StoredEvent } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";
import type {
  EventsOptions,
  EventsPage,
  ListOptions,
  ListPage,
  ReadAnswer,
  ReadOptions,
  Tail,
} from "../../store/contract.ts";
import { eventsPage } from "../../store/events-page.ts";
import { type Account, addKinds, emptyAccount } from "./account.ts";
import { cacheKey } from "./cache.ts";
import { entryFromRow, textFromColumn } from "./codec.ts";
import { findOutcome } from "./commit.ts";
import type { Connection } from "./connection.ts";
import { cursorKeyOf } from "./cursor.ts";
import { type Entry, recordOf, settledHead, summaryOf } from "./entry.ts";
import { settledEvents } from "./runs.ts";
import { loadAccount, loadEntry } from "./transaction.ts";

export function readRecord(connection: Connection, owner: string, key: RecordKey, options: ReadOptions): ReadAnswer {
  const at = connection.now();
  const account = accountOf(connection, owner);
  const found = account.row === 0 ? undefined : entryOf(connection, account.row, key);
  const entry = found !== undefined && isLive(found.state, at) ? found : undefined;
  const { commitId, tails = [] } = options;
  return {
    at,
    record: entry && recordOf(key, entry, documentOf(connection, account.row, key, entry)),
    tails: tails.map((tail) => (entry === undefined ? [] : tailOf(connection, entry, tail))),
    outcome: commitId === undefined ? undefined : findOutcome(connection.statements, account.row, commitId, at),
  };
}

export function readEvents(
  connection: Connection,
  owner: string,
  key: RecordKey,
  stream: string,
  options: EventsOptions,
): EventsPage | undefined {
  const account = accountOf(connection, owner);
  const entry = account.row === 0 ? undefined : entryOf(connection, account.row, key);
  if (entry === undefined || !isLive(entry.state, connection.now())) return undefined;
  const { head, first } = entry.state.streams.get(stream) ?? { head: 0, first: 1 };
  const { after = 0, before = head + 1, limit, maxBytes, order = "oldest" } = options;
  const low = Math.max(after + 1, first);
  const high = Math.min(before - 1, head);
  const events = eventsBetween(connection, entry, stream, { low, high, limit, maxBytes, order });
  return eventsPage({ head, first, incarnation: entry.state.incarnation, low, high }, events);
}

export function listRecords(connection: Connection, owner: string, kind: string, options: ListOptions): ListPage {
  const at = connection.now();
  const { row } = accountOf(connection, owner);
  const { limit, order, where } = options;
  const scope = listingScope(owner, kind);
  let from = options.after === undefined ? startOf(order) : openCursor(cursorKeyOf(connection), scope, options.after);
  const statement = connection.statements.get(order === "oldest" ? "listOldest" : "listNewest");
  const records: RecordSummary[] = [];
  let looked = 0;
  // Expired records may still be counted as live, and not all have the fields asked for: a page may look further than
  // its limit, though not so far that other readers wait for it.
  for (;;) {
    const rows = statement.all(row, kind, from, Math.min(limit + 1, maxRowsAtOnce));
    for (const candidate of rows) {
      const { state } = entryFromRow(candidate);
      const wanted = isLive(state, at) && matchesFields(state.fields, where);
      if ((wanted && records.length === limit) || (where && looked >= maxLookedAt)) {
        return { at, records, next: sealCursor(cursorKeyOf(connection), scope, from) };
      }
      if (wanted) records.push(summaryOf({ kind, id: String(candidate["record"]) }, { state }));
      looked += 1;
      from = Number(candidate["id"]);
    }
    if (rows.length < Math.min(limit + 1, maxRowsAtOnce)) return { at, records };
  }
}

export function readUsage(connection: Connection, owner: string): Usage {
  const now = connection.now();
  const account = accountOf(connection, owner);
  if (now < account.nextExpiryAt) return usageOf(account);
  const expired = new Map<string, number>();
  for (const { kind, count } of connection.statements.get("expiredKinds").all(account.row, now)) {
    expired.set(String(kind), -Number(count));
  }
  return usageOf({ bytes: account.bytes, kinds: addKinds(account.kinds, expired) });
}

/** All retained events of one stream. */
export function allEvents(connection: Connection, entry: Entry, stream: string): readonly StoredEvent[] {
  const { head, first } = entry.state.streams.get(stream) ?? { head: 0, first: 1 };
  return eventsBetween(connection, entry, stream, { low: first, high: head, limit: head, order: "oldest" });
}

export function accountOf(connection: Connection, owner: string): Account {
  const cached = connection.cache.account(owner);
  if (cached !== undefined) return cached;
  const account = loadAccount(connection.statements, owner);
  if (account !== undefined) connection.cache.keepAccount(owner, account);
  return account ?? emptyAccount;
}

export function entryOf(connection: Connection, accountRow: number, { kind, id }: RecordKey): Entry | undefined {
  const key = cacheKey(accountRow, kind, id);
  const cached = connection.cache.entry(key);
  if (cached !== undefined) return cached;
  const entry = loadEntry(connection.statements, accountRow, kind, id);
  if (entry !== undefined) connection.cache.keepEntry(key, entry);
  return entry;
}

export function documentOf(connection: Connection, accountRow: number, { kind, id }: RecordKey, entry: Entry): string {
  if (entry.document !== undefined) return entry.document;
  const document = textFromColumn(connection.statements.get("findDocument").get(entry.row)?.["document"]);
  connection.cache.keepEntry(cacheKey(accountRow, kind, id), { ...entry, document });
  return document;
}

/** Rows one page that compares fields looks at before it says that the next goes on from there. */
const maxLookedAt = 2_000;
const maxRowsAtOnce = 200;

type Range = {
  readonly low: Position;
  readonly high: Position;
  readonly limit: number;
  readonly maxBytes?: number | undefined;
  readonly order: "oldest" | "newest";
};

function tailOf(
  connection: Connection,
  entry: Entry,
  { stream, after, limit, maxBytes }: Tail,
): readonly StoredEvent[] {
  const { head, first } = entry.state.streams.get(stream) ?? { head: 0, first: 1 };
  if (typeof after === "object") {
    const low = Math.max(first, head - Math.min(after.last, limit) + 1);
    const range = { low, high: head, limit, maxBytes };
    if (maxBytes === undefined) return eventsBetween(connection, entry, stream, { ...range, order: "oldest" });
    return eventsBetween(connection, entry, stream, { ...range, order: "newest" }).toReversed();
  }
  const from = after === "document" ? entry.state.documentPosition : after;
  return eventsBetween(connection, entry, stream, {
    low: Math.max(first, from + 1),
    high: head,
    limit,
    maxBytes,
    order: "oldest",
  });
}

/** Events of a range that is within what is retained: first from the table, then from the tail, or the other way round. */
function eventsBetween(connection: Connection, entry: Entry, stream: string, range: Range): readonly StoredEvent[] {
  const { low, high, limit, maxBytes, order } = range;
  const number = entry.streamNumbers.get(stream);
  if (number === undefined || low > high) return [];
  const events: StoredEvent[] = [];
  let gathered = 0;
  const take = (event: StoredEvent): boolean => {
    if (events.length >= limit || (maxBytes !== undefined && gathered >= maxBytes && events.length > 0)) return false;
    events.push(event);
    if (maxBytes !== undefined) gathered += utf8Length(event.data);
    return true;
  };

  const settled = settledHead(entry, stream);
  const fromTable = (): boolean => {
    if (low > settled) return true;
    const range = { low, high: Math.min(high, settled), order };
    for (const event of settledEvents(connection.statements, entry.row, number, range)) {
      if (!take(event)) return false;
    }
    return true;
  };
  const fromTail = (): boolean => {
    const tail = entry.tail.filter(
      (event) => event.stream === number && event.position >= low && event.position <= high,
    );
    if (order === "newest") tail.reverse();
    return tail.every(({ position, at, data }) => take({ position, at, data }));
  };

  if (order === "oldest") {
    if (fromTable()) fromTail();
  } else if (fromTail()) fromTable();
  return events;
}

function startOf(order: "oldest" | "newest"): number {
  return order === "oldest" ? 0 : Number.MAX_SAFE_INTEGER;
}

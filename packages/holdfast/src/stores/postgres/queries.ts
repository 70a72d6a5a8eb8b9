/** What readers ask. Each is one statement, and so one consistent state. */

import { listingScope, openCursor, sealCursor } from "../../record/cursor.ts";
import { usageOf } from "../../record/quota.ts";
import type { IndexedFields, Owner, RecordKey } from "../../record/record.ts";
import type {
  EventsOptions,
  EventsPage,
  ListOptions,
  ListPage,
  ReadAnswer,
  ReadOptions,
  Tail,
  Usage,
} from "../../store/contract.ts";
import { eventsPage } from "../../store/events-page.ts";
import type { Row } from "./driver.ts";
import { type EventColumns, eventOf, type RecordColumns, recordOf, summaryOf } from "./rows.ts";
import { fieldsToColumn, toColumn } from "./text.ts";
import { knownFromWire, type WireKnown } from "./wire.ts";

/** Whoever answers: the primary, or a replica. */
export interface Reader {
  read(text: string, values: readonly unknown[]): Promise<readonly Row[]>;
}

const readStatement = "select * from holdfast.read_1($1, $2, $3, $4::jsonb, $5, $6::bigint)";
const eventsStatement = "select * from holdfast.events_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::bigint)";
const listStatement = (comparison: "<" | ">", direction: "asc" | "desc", compared = ""): string =>
  `select n.now as at, page.* from (select holdfast.now_1($5::bigint) as now) n left join lateral (
    select to_jsonb(r) as record, d.fields from holdfast.records r join holdfast.documents d on d.record = r.record
    where r.owner = $1 and r.kind = $2 and r.place ${comparison} $3 and holdfast.live_1(r.ended_at, r.expires_at, n.now)
      ${compared}
    order by r.place ${direction} limit $4
  ) page on true`;
type ListStatements = Readonly<Record<ListOptions["order"], string>>;
const listStatements: ListStatements = { oldest: listStatement(">", "asc"), newest: listStatement("<", "desc") };
/** Which index is cheaper, that of the owner's records or that of the fields, is the planner's to know. */
const having = "and d.fields @> $6::jsonb";
export const findStatements: ListStatements = {
  oldest: listStatement(">", "asc", having),
  newest: listStatement("<", "desc", having),
};
const usageStatement = "select * from holdfast.usage_1($1, $2::bigint)";

export async function readRecord(
  client: Reader,
  owner: Owner,
  key: RecordKey,
  options: ReadOptions,
  aheadMs: number,
): Promise<ReadAnswer> {
  const { tails = [], commitId } = options;
  const wire = tails.length === 0 ? null : JSON.stringify(tails.map(tailToWire));
  const id = commitId === undefined ? null : toColumn(commitId);
  const [row] = await client.read(readStatement, [owner, key.kind, key.id, wire, id, aheadMs]);
  if (row === undefined) throw new Error("the database gave no answer to a read");
  const columns = row["record"] as RecordColumns | null;
  const events = row["tails"] as readonly (readonly EventColumns[])[] | null;
  const known = row["outcome"] as WireKnown | null;
  return {
    at: Number(row["at"]),
    record: columns === null ? undefined : recordOf(columns, row["fields"] as IndexedFields, String(row["document"])),
    tails: tails.map((_tail, index) => (events?.[index] ?? []).map(eventOf)),
    outcome: known === null ? undefined : knownFromWire(known),
  };
}

function tailToWire({ stream, after, limit, maxBytes }: Tail): object {
  const from = typeof after === "object" ? { last: after.last } : typeof after === "number" ? { after } : {};
  return { s: toColumn(stream), limit, bytes: maxBytes, ...from };
}

export async function readEvents(
  client: Reader,
  owner: Owner,
  key: RecordKey,
  stream: string,
  options: EventsOptions,
  aheadMs: number,
): Promise<EventsPage | undefined> {
  const { after = 0, before, limit, maxBytes, order = "oldest" } = options;
  const newest = order === "newest";
  const [row] = await client.read(eventsStatement, [
    owner,
    key.kind,
    key.id,
    toColumn(stream),
    after,
    before ?? null,
    limit,
    maxBytes ?? null,
    newest,
    aheadMs,
  ]);
  if (row === undefined) return undefined;
  const [head, first] = [Number(row["head"]), Number(row["first"])];
  const columns = (row["events"] ?? []) as readonly EventColumns[];
  const events = columns.map(eventOf);
  const low = Math.max(after + 1, first);
  const high = Math.min((before ?? head + 1) - 1, head);
  return eventsPage({ head, first, incarnation: Number(row["incarnation"]), low, high }, events);
}

export async function listRecords(
  client: Reader,
  cursorKey: Uint8Array,
  owner: Owner,
  kind: string,
  { after, limit, order, where }: ListOptions,
  aheadMs: number,
): Promise<ListPage> {
  const scope = listingScope(owner, kind);
  const start = order === "oldest" ? 0 : Number.MAX_SAFE_INTEGER;
  const from = after === undefined ? start : openCursor(cursorKey, scope, after);
  const values = [owner, kind, from, limit + 1, aheadMs];
  const rows = await (where === undefined
    ? client.read(listStatements[order], values)
    : client.read(findStatements[order], [...values, JSON.stringify(fieldsToColumn(where))]));
  const found = rows.filter((row) => row["record"] !== null);
  const page = found.slice(0, limit);
  const last = page.at(-1)?.["record"] as RecordColumns | undefined;
  return {
    at: Number(rows[0]?.["at"]),
    records: page.map((row) => summaryOf(row["record"] as RecordColumns, row["fields"] as IndexedFields)),
    ...(found.length > limit && last !== undefined && { next: sealCursor(cursorKey, scope, last.place) }),
  };
}

export async function readUsage(client: Reader, owner: Owner, aheadMs: number): Promise<Usage> {
  const [row] = await client.read(usageStatement, [owner, aheadMs]);
  if (row === undefined) throw new Error("the database gave no answer to what an owner has");
  // Whole numbers by kind, as the function makes them.
  const kinds = new Map(Object.entries(row["kinds"] as Readonly<Record<string, number>>));
  return usageOf({ bytes: Number(row["bytes"]), kinds });
}

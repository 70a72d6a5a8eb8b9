/** Removing what is over: records past their end and retention, and commit ids past their time. Closing what expired. */
import { causeOf, closeAt, isClosed, livedMs } from "../../record/expiry.ts";
import type { Owner } from "../../record/record.ts";
import type { ReapAnswer, ReapedRecord } from "../../store/contract.ts";
import { noGrowth } from "./account.ts";
import type { SqlRow } from "./client.ts";
import { bytesOf, eventCountOf } from "./entry.ts";
import { type Draft, expiryColumn, type Transaction } from "./transaction.ts";

const due =
  "select r.kind, r.record, o.owner from records r join owners o on o.id = r.owner " +
  "where r.purge_at <= ? order by r.purge_at limit ?";
// As the partial index says it, or it is not used.
const closable =
  "select r.id, r.kind, r.record, o.owner from records r join owners o on o.id = r.owner " +
  "where r.expires_at <= ? and r.purge_at > r.expires_at order by r.expires_at limit ?";
const reschedule = "update records set expires_at = ? where id = ?";
const forgettable =
  "select c.owner, c.id, c.caller, o.owner as owner_text from commits c join owners o on o.id = c.owner " +
  "where c.forget_at <= ? order by c.forget_at limit ?";
const forget = "delete from commits where owner = ? and id = ?";

const commitsPerSweep = 1_000;

/**
 * Removes records and raises their owners' floors to what the versions had reached, then closes what expired and is
 * retained, at most `limit` of both.
 */
export function reapRecords(transaction: Transaction, limit: number, now: number): ReapAnswer {
  const removed: ReapAnswer["removed"][number][] = [];
  // One more than may go tells whether another sweep would find more.
  const rows = transaction.statements.sql(due).all(now, limit + 1);
  for (const row of rows.slice(0, limit)) {
    const draft = draftOf(transaction, row);
    if (draft === undefined) continue;
    const { state } = draft.entry;
    removeCounted(transaction, draft);
    removed.push({ ...overOf(draft), cause: causeOf(state), closed: isClosed(state) });
  }
  const { closed, more } = closeRecords(transaction, limit - removed.length, now);
  return { removed, closed, more: more || rows.length > limit };
}

/** Closes at most `limit` records, found by a column: whether one is to be closed says what it is read as. */
function closeRecords(transaction: Transaction, limit: number, now: number): Pick<ReapAnswer, "closed" | "more"> {
  const closed: ReapedRecord[] = [];
  const rows = transaction.statements.sql(closable).all(now, limit + 1);
  for (const row of rows.slice(0, limit)) {
    const draft = draftOf(transaction, row);
    if (draft === undefined) continue;
    const { entry, kind, owner } = draft;
    if ((closeAt(entry.state) ?? Number.POSITIVE_INFINITY) > now) {
      // Ended by a release that left the column as it was.
      transaction.statements.sql(reschedule).run(expiryColumn(entry), entry.row);
      continue;
    }
    closed.push(overOf(draft));
    const state = { ...entry.state, endedAt: entry.state.expiresAt };
    transaction.put(owner, draft, draft, { ...entry, live: false, state });
    if (entry.live) transaction.grow(owner, { ...noGrowth(), kinds: new Map([[kind, -1]]) });
  }
  return { closed, more: rows.length > limit };
}

function draftOf(transaction: Transaction, row: SqlRow): Draft | undefined {
  const owner = transaction.account(String(row["owner"]));
  return transaction.find(owner, { kind: String(row["kind"]), id: String(row["record"]) });
}

function overOf({ owner, kind, id, entry }: Draft): ReapedRecord {
  // The column holds what an owner once was, and nothing else is ever put there.
  return { owner: owner.owner as Owner, kind, id, fields: entry.state.fields, livedMs: livedMs(entry.state) };
}

/** Removes a record, takes it out of its owner's counts, and raises the floor, so that its versions stay its own. */
export function removeCounted(transaction: Transaction, draft: Draft): void {
  const { entry, kind, owner } = draft;
  transaction.remove(draft);
  const growth = noGrowth();
  growth.stored = -1;
  growth.events = -eventCountOf(entry);
  growth.bytes = -bytesOf(entry);
  if (entry.live) growth.kinds.set(kind, -1);
  transaction.grow(owner, growth);
  transaction.raiseFloor(owner, entry.state.version);
}

/** Forgets outcomes nobody may ask for any more, a bounded number at a time. Answers whether more are left. */
export function forgetCommits(transaction: Transaction, now: number): boolean {
  const { statements } = transaction;
  const rows = statements.sql(forgettable).all(now, commitsPerSweep + 1);
  for (const row of rows.slice(0, commitsPerSweep)) {
    statements.sql(forget).run(row["owner"] ?? null, row["id"] ?? null);
    const growth = noGrowth();
    growth.commitIds = -Number(row["caller"]);
    transaction.grow(transaction.account(String(row["owner_text"])), growth);
  }
  return rows.length > commitsPerSweep;
}

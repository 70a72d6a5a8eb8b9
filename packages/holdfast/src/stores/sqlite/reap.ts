/** Removing what is over: records past their end and retention, and commit ids past their time. */
import { livedMs } from "../../record/expiry.ts";
import type { Owner } from "../../record/record.ts";
import type { ReapAnswer } from "../../store/contract.ts";
import { noGrowth } from "./account.ts";
import { bytesOf, eventCountOf } from "./entry.ts";
import type { Draft, Transaction } from "./transaction.ts";

const due =
  "select r.kind, r.record, o.owner from records r join owners o on o.id = r.owner " +
  "where r.purge_at <= ? order by r.purge_at limit ?";
const forgettable =
  "select c.owner, c.id, c.caller, o.owner as owner_text from commits c join owners o on o.id = c.owner " +
  "where c.forget_at <= ? order by c.forget_at limit ?";
const forget = "delete from commits where owner = ? and id = ?";

const commitsPerSweep = 1_000;

/** Removes at most `limit` records and raises their owners' floors to what the versions had reached. */
export function reapRecords(transaction: Transaction, limit: number, now: number): ReapAnswer {
  const removed: ReapAnswer["removed"][number][] = [];
  // One more than may go tells whether another sweep would find more.
  const rows = transaction.statements.sql(due).all(now, limit + 1);
  for (const row of rows.slice(0, limit)) {
    const owner = transaction.account(String(row["owner"]));
    const draft = transaction.find(owner, { kind: String(row["kind"]), id: String(row["record"]) });
    if (draft === undefined) continue;
    const { state } = draft.entry;
    removeCounted(transaction, draft);
    removed.push({
      // The column holds what an owner once was, and nothing else is ever put there.
      owner: owner.owner as Owner,
      kind: draft.kind,
      id: draft.id,
      cause: state.endedAt === undefined ? "expired" : "ended",
      fields: state.fields,
      livedMs: livedMs(state),
    });
  }
  return { removed, more: rows.length > limit };
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

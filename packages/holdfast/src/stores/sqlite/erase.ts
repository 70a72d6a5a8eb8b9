import { removeCounted } from "./reap.ts";
import type { Transaction } from "./transaction.ts";

const ofOwner = "(select id from records where owner = ?)";
const highest = "select count(*) as records, max(json_extract(meta, '$[0]')) as version from records where owner = ?";
const some = "select kind, record from records where owner = ? order by id limit ?";
const erasures = [
  `delete from events where record in ${ofOwner}`,
  `delete from documents where record in ${ofOwner}`,
  "delete from records where owner = ?",
  "delete from commits where owner = ?",
] as const;

/**
 * Removes everything of one owner but its floor, which rises above every version it had. Returns how many records
 * went. Meant for a transaction of its own: it goes past drafts, straight to the rows.
 */
export function eraseOwner(transaction: Transaction, owner: string): number {
  const draft = transaction.account(owner);
  const { row } = draft.account;
  if (row === 0) return 0;
  const { statements } = transaction;
  const found = statements.sql(highest).get(row);
  for (const text of erasures) statements.sql(text).run(row);
  transaction.reset(draft, Math.max(draft.account.floor, Number(found?.["version"] ?? 0)));
  return Number(found?.["records"]);
}

/**
 * Removes so many of an owner's records, and everything that is kept besides with the last of them. Returns how many
 * went.
 */
export function erasePart(transaction: Transaction, owner: string, limit: number): number {
  const account = transaction.account(owner);
  const { row, importFloor } = account.account;
  const rows = transaction.statements.sql(some).all(row, limit);
  if (rows.length < limit) return eraseOwner(transaction, owner);
  for (const { kind, record } of rows) {
    const draft = transaction.find(account, { kind: String(kind), id: String(record) });
    if (draft !== undefined) removeCounted(transaction, draft);
  }
  // Who was erased may be restored: its dumps are measured against what was reaped, and not against what went here.
  account.account = { ...account.account, importFloor };
  return rows.length;
}

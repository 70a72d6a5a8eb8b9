import type { Transaction } from "./transaction.ts";

const ofOwner = "(select id from records where owner = ?)";
const highest = "select count(*) as records, max(json_extract(meta, '$[0]')) as version from records where owner = ?";
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

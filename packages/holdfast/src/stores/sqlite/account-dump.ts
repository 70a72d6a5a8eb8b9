/** What an owner has besides records, on its way into and out of the file. */
import { commitIdWindowMs } from "../../record/commit-ids.ts";
import type { AccountDump, AccountOptions, AccountPage } from "../../store/contract.ts";
import { noGrowth } from "./account.ts";
import { outcomeFromColumn, outcomeToColumn } from "./codec.ts";
import type { Connection } from "./connection.ts";
import { accountOf } from "./queries.ts";
import type { Transaction } from "./transaction.ts";

const remembered =
  "select id, outcome from commits where owner = ? and id > ? and caller = 1 and forget_at > ? order by id limit ?";

export function exportAccount(
  connection: Connection,
  owner: string,
  { after = "", limit }: AccountOptions,
): AccountPage | undefined {
  const { row, floor, importFloor } = accountOf(connection, owner);
  if (row === 0) return undefined;
  // One more than fits tells whether there is another page.
  const rows = connection.statements.sql(remembered).all(row, after, connection.now(), limit + 1);
  const commits = rows.slice(0, limit).map(({ id, outcome }) => ({ id: String(id), ...outcomeFromColumn(outcome) }));
  return { floor, importFloor, commits, next: rows.length > limit ? commits.at(-1)?.id : undefined };
}

/** Puts a page of an account in. The dump must be valid. */
export function importAccount(transaction: Transaction, owner: string, dump: AccountDump, now: number): void {
  const account = transaction.account(owner);
  transaction.raiseFloors(account, dump.floor, dump.importFloor);
  const { row } = account.account;
  const growth = noGrowth();
  for (const { id, ...outcome } of dump.commits) {
    const forgetAt = outcome.at + commitIdWindowMs.caller;
    const standing = transaction.statements.get("findCommit").get(row, id);
    if (forgetAt <= now || Number(standing?.["forget_at"] ?? 0) > now) continue;
    transaction.statements.get("putCommit").run(row, id, forgetAt, 1, outcomeToColumn(outcome));
    // An outcome whose time is over is still counted, and makes room for the new one of its id.
    growth.commitIds += 1 - Number(standing?.["caller"] ?? 0);
  }
  transaction.grow(account, growth);
}

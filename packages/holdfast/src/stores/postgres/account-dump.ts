/** What an owner has besides records, on its way into and out of the database. */
import { commitIdWindowMs } from "../../record/commit-ids.ts";
import type { Owner } from "../../record/record.ts";
import type { AccountDump, AccountOptions, AccountPage } from "../../store/contract.ts";
import type { Client } from "./client.ts";
import { fromColumn, toColumn } from "./text.ts";
import { knownFromWire, resultToWire, type WireKnown } from "./wire.ts";

const exported = `select o.floor, o.import_floor, (
    select jsonb_agg(to_jsonb(c) order by c.id) from (
      select id, digest, at, results from holdfast.commits
      where owner = $1 and id > $2 and caller and forget_at > holdfast.now_1($4::bigint) order by id limit $3
    ) c
  ) as commits
  from holdfast.owners o where o.owner = $1`;
const imported = "select holdfast.import_account_1($1, $2, $3, $4::jsonb, $5, $6::bigint)";

export async function exportAccount(
  client: Client,
  owner: Owner,
  { after = "", limit }: AccountOptions,
  aheadMs: number,
): Promise<AccountPage | undefined> {
  // One more than fits tells whether there is another page.
  const [row] = await client.read(exported, [owner, toColumn(after), limit + 1, aheadMs]);
  if (row === undefined) return undefined;
  const found = (row["commits"] ?? []) as readonly (WireKnown & { readonly id: string })[];
  const commits = found.slice(0, limit).map((commit) => ({ id: fromColumn(commit.id), ...knownFromWire(commit) }));
  const next = found.length > limit ? commits.at(-1)?.id : undefined;
  return { floor: Number(row["floor"]), importFloor: Number(row["import_floor"]), commits, next };
}

/** Puts a page of an account in. The dump must be valid. */
export async function importAccount(client: Client, owner: Owner, dump: AccountDump, aheadMs: number): Promise<void> {
  const commits = dump.commits.map(({ id, digest, at, results }) => ({
    id: toColumn(id),
    digest: toColumn(digest),
    at,
    results: results.map(resultToWire),
  }));
  const window = commitIdWindowMs.caller;
  await client.write(
    imported,
    [owner, dump.floor, dump.importFloor, JSON.stringify(commits), window, aheadMs],
    [owner],
  );
}

/** What an owner has besides its records, on its way out and in. */

import type { Owner } from "../../record/record.ts";
import type { AccountDump, AccountOptions, AccountPage } from "../../store/contract.ts";
import type { Owners } from "./owners.ts";
import { openPlace, sealPlace } from "./place.ts";
import type { Asking } from "./queries.ts";
import { toArgument } from "./text.ts";
import { knownFromWire, resultsArgument, type Wide, type WireResult } from "./wire.ts";

type WireCommit = readonly [id: string, digest: string, at: number, results: readonly WireResult[], forget: string];
type WireAccount = readonly [floor: Wide, importFloor: Wide, commits: readonly WireCommit[], more: number];

export async function exportAccount(
  { client, keys, clock }: Asking,
  owner: Owner,
  { after, limit }: AccountOptions,
): Promise<AccountPage | undefined> {
  const [time, member] = after === undefined ? ["-inf", ""] : openPlace(after, 0);
  const answer = await client.run("exportingAccount", keys.ofOwner(owner), [clock, time, member, String(limit)]);
  if (answer === null) return undefined;
  const [floor, importFloor, wire, more] = answer as WireAccount;
  const commits = wire.map(([id, digest, at, results]) => ({ id, ...knownFromWire([digest, at, results]) }));
  const last = more === 1 ? wire.at(-1) : undefined;
  const page = { floor: Number(floor), importFloor: Number(importFloor), commits };
  return { ...page, ...(last !== undefined && { next: sealPlace([last[4], `i/${last[0]}`]) }) };
}

export async function importAccount(
  { client, keys, clock }: Asking,
  owners: Owners,
  owner: Owner,
  { floor, importFloor, commits }: AccountDump,
): Promise<void> {
  const args = [String(floor), String(importFloor)];
  for (const { id, digest, at, results } of commits) {
    args.push(id, toArgument(digest), String(at), resultsArgument(results));
  }
  const put = async (isRegistered: string): Promise<readonly [what: string, due?: Wide | null]> =>
    (await client.run("importingAccount", keys.ofOwner(owner), [clock, isRegistered, ...args])) as [string, number];
  let [what, due] = await put("0");
  if (what === "register") {
    await owners.register(owner, Date.now());
    [what, due] = await put("1");
  }
  if (due) await owners.lookAt(owner, Number(due), Date.now());
}

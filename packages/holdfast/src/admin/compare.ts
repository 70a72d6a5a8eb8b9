/** Holds what two stores have of one owner against each other. */
import { commitIdWindowMs } from "../record/commit-ids.ts";
import type { Owner, RecordKey } from "../record/record.ts";
import type { CommitOutcome, OwnedSummary, Store } from "../store/contract.ts";
import { placeBoundKinds } from "./claim.ts";
import { digestOfRecord, type StoreDigest } from "./digest.ts";
import { accountPages, everyRecord, type WalkOptions } from "./walk.ts";

/** Something that two stores do not have alike. */
export type Difference = {
  readonly owner: Owner;
  /** Absent where it is the owner's account. */
  readonly key?: RecordKey | undefined;
  readonly what: "missing" | "different" | "extra" | "floor" | "commit-id";
  /** Whether the source was written to since the move began, which would explain it. */
  readonly changedSince: boolean;
};

export type Comparison = {
  readonly from: Store;
  readonly to: Store;
  /** When the move began, by the source's clock. */
  readonly startedAt: number;
  readonly digests: { readonly from: StoreDigest; readonly to: StoreDigest };
  /** Whether the destination may have records of an owner that the source has not. */
  readonly extraAllowed: boolean;
  readonly onRecord?: () => void;
} & WalkOptions;

/** Commit ids this close to their end may be over by one clock and not by another. */
const clockToleranceMs = 60_000;

/** Every difference of one owner, extra records of the destination included. */
export async function* compareOwner(comparison: Comparison, owner: Owner): AsyncGenerator<Difference> {
  const { from, to, signal } = comparison;
  const there = new Map<string, OwnedSummary>();
  for await (const record of everyRecord(to, { owner, signal })) {
    if (!placeBoundKinds.has(record.kind)) there.set(addressOf(record), record);
  }
  for await (const record of everyRecord(from, { owner, signal })) {
    if (placeBoundKinds.has(record.kind)) continue;
    there.delete(addressOf(record));
    const difference = await compareRecord(comparison, owner, record);
    if (difference !== undefined) yield difference;
  }
  if (!comparison.extraAllowed) yield* extras(comparison, owner, [...there.values()]);
  yield* compareAccount(comparison, owner);
}

async function* extras(
  { to, digests, signal }: Comparison,
  owner: Owner,
  records: readonly OwnedSummary[],
): AsyncGenerator<Difference> {
  for (const record of records) {
    const dump = await to.admin.export(owner, record, { signal });
    if (dump !== undefined) digests.to.add(digestOfRecord(owner, dump));
    // What the source no longer has was there when it was copied.
    yield { owner, key: { kind: record.kind, id: record.id }, what: "extra", changedSince: true };
  }
}

async function compareRecord(
  { from, to, startedAt, digests, onRecord, signal }: Comparison,
  owner: Owner,
  { kind, id }: RecordKey,
): Promise<Difference | undefined> {
  const key = { kind, id };
  const [here, there] = await Promise.all([
    from.admin.export(owner, key, { signal }),
    to.admin.export(owner, key, { signal }),
  ]);
  const [one, other] = [here && digestOfRecord(owner, here), there && digestOfRecord(owner, there)];
  if (one !== undefined) digests.from.add(one);
  if (other !== undefined) digests.to.add(other);
  onRecord?.();
  if (one === other) return undefined;
  const changedSince = here === undefined || here.record.touchedAt >= startedAt;
  return { owner, key, what: there === undefined ? "missing" : "different", changedSince };
}

async function* compareAccount({ from, to, startedAt, signal }: Comparison, owner: Owner): AsyncGenerator<Difference> {
  const there = await readAccount(to, owner, signal);
  const { at: now } = await to.admin.scan({ limit: 1, owner, signal });
  for await (const page of accountPages(from, owner, { signal })) {
    if (there.floor < page.floor || there.importFloor < page.importFloor) {
      yield { owner, what: "floor", changedSince: false };
      return;
    }
    for (const { id, ...outcome } of page.commits) {
      if (outcome.at + commitIdWindowMs.caller <= now + clockToleranceMs) continue;
      const standing = there.commits.get(id);
      if (standing?.digest === outcome.digest && standing.at === outcome.at) continue;
      yield { owner, what: "commit-id", changedSince: outcome.at >= startedAt };
      return;
    }
  }
}

type Account = {
  floor: number;
  importFloor: number;
  readonly commits: Map<string, Pick<CommitOutcome, "digest" | "at">>;
};

async function readAccount(store: Store, owner: Owner, signal: AbortSignal | undefined): Promise<Account> {
  const account: Account = { floor: 0, importFloor: 0, commits: new Map() };
  for await (const { floor, importFloor, commits } of accountPages(store, owner, { signal })) {
    Object.assign(account, { floor, importFloor });
    for (const { id, digest, at } of commits) account.commits.set(id, { digest, at });
  }
  return account;
}

function addressOf({ kind, id }: RecordKey): string {
  return `${kind}/${id}`;
}

/** What is known of one owner: floor and exact counts, kept in one row and folded over a batch. */
import type { Refusal } from "../../record/change.ts";
import type { Version } from "../../record/record.ts";
import type { Quota, Usage } from "../../store/contract.ts";

/** Immutable, like entries. */
export type Account = {
  /** The row's id; 0 while there is none yet. */
  readonly row: number;
  readonly floor: Version;
  /** Rows of records of any state. */
  readonly stored: number;
  /** Retained events, and bytes of these and of documents. */
  readonly events: number;
  readonly bytes: number;
  /** Records counted as live, by kind. */
  readonly kinds: ReadonlyMap<string, number>;
  /** No record counted as live expires before this. */
  readonly nextExpiryAt: number;
};

/** What a commit adds to an account. */
export type Growth = {
  stored: number;
  events: number;
  bytes: number;
  readonly kinds: Map<string, number>;
};

export const emptyAccount: Account = {
  row: 0,
  floor: 0,
  stored: 0,
  events: 0,
  bytes: 0,
  kinds: new Map(),
  nextExpiryAt: Number.POSITIVE_INFINITY,
};

export function noGrowth(): Growth {
  return { stored: 0, events: 0, bytes: 0, kinds: new Map() };
}

export function grow(account: Account, growth: Growth): Account {
  return {
    row: account.row,
    floor: account.floor,
    stored: account.stored + growth.stored,
    events: account.events + growth.events,
    bytes: account.bytes + growth.bytes,
    kinds: growth.kinds.size === 0 ? account.kinds : addKinds(account.kinds, growth.kinds),
    nextExpiryAt: account.nextExpiryAt,
  };
}

/** Which limit this growth would break: only what grows can. `account` must have no expired record counted. */
export function brokenQuota(account: Account, growth: Growth, quota: Quota): Refusal | undefined {
  let records = 0;
  for (const [kind, grown] of growth.kinds) {
    if (isEngineKind(kind)) continue;
    records += grown;
    const limit = quota.ofKind !== undefined && Object.hasOwn(quota.ofKind, kind) ? quota.ofKind[kind] : undefined;
    if (exceeds(limit, account.kinds.get(kind) ?? 0, grown)) return { reason: "quota", quota: "kind", limit };
  }
  if (exceeds(quota.records, records > 0 ? liveRecords(account.kinds) : 0, records)) {
    return { reason: "quota", quota: "records", limit: quota.records };
  }
  if (exceeds(quota.bytes, account.bytes, growth.bytes)) return { reason: "quota", quota: "bytes", limit: quota.bytes };
  return undefined;
}

export function usageOf({ bytes, kinds }: Pick<Account, "bytes" | "kinds">): Usage {
  const byKind = Object.fromEntries([...kinds].filter(([kind]) => !isEngineKind(kind)));
  return { records: liveRecords(kinds), bytes, byKind };
}

/** Adds up counts by kind; kinds that come to zero are dropped. */
export function addKinds(
  kinds: ReadonlyMap<string, number>,
  more: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const sum = new Map(kinds);
  for (const [kind, count] of more) {
    const total = (sum.get(kind) ?? 0) + count;
    if (total === 0) sum.delete(kind);
    else sum.set(kind, total);
  }
  return sum;
}

function liveRecords(kinds: ReadonlyMap<string, number>): number {
  let records = 0;
  for (const [kind, count] of kinds) if (!isEngineKind(kind)) records += count;
  return records;
}

function exceeds(limit: number | undefined, standing: number, growth: number): limit is number {
  return limit !== undefined && growth > 0 && standing + growth > limit;
}

/** The engine's own kinds count for no quota but bytes. */
function isEngineKind(kind: string): boolean {
  return kind.startsWith("holdfast.");
}

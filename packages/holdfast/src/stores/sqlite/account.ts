/** What is known of one owner: floor and exact counts, kept in one row and folded over a batch. */
import type { OwnerCounts } from "../../record/quota.ts";
import type { Version } from "../../record/record.ts";

/** Immutable, like entries. */
export type Account = OwnerCounts & {
  /** The row's id; 0 while there is none yet. */
  readonly row: number;
  readonly floor: Version;
  /** The floor that imports are measured against: not what was erased, as long as nothing was made since. */
  readonly importFloor: Version;
  /** Rows of records of any state. */
  readonly stored: number;
  /** Retained events. */
  readonly events: number;
  /** No record counted as live expires before this. */
  readonly nextExpiryAt: number;
};

/** What a commit adds to an account. */
export type Growth = {
  stored: number;
  events: number;
  bytes: number;
  commitIds: number;
  readonly kinds: Map<string, number>;
};

export const emptyAccount: Account = {
  row: 0,
  floor: 0,
  importFloor: 0,
  stored: 0,
  events: 0,
  bytes: 0,
  commitIds: 0,
  kinds: new Map(),
  nextExpiryAt: Number.POSITIVE_INFINITY,
};

export function noGrowth(): Growth {
  return { stored: 0, events: 0, bytes: 0, commitIds: 0, kinds: new Map() };
}

export function grow(account: Account, growth: Growth): Account {
  return {
    row: account.row,
    floor: account.floor,
    // What is made after an erasure closes the door to what was erased.
    importFloor: account.stored === 0 && growth.stored > 0 ? account.floor : account.importFloor,
    stored: account.stored + growth.stored,
    events: account.events + growth.events,
    bytes: account.bytes + growth.bytes,
    commitIds: account.commitIds + growth.commitIds,
    kinds: growth.kinds.size === 0 ? account.kinds : addKinds(account.kinds, growth.kinds),
    nextExpiryAt: account.nextExpiryAt,
  };
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

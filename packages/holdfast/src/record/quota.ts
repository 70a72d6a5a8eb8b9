/** What one owner may have, what it has, and whether a commit would go beyond it. */
import type { Refusal } from "./change.ts";
import { maxCommitIdsPerOwner } from "./commit-ids.ts";
import { isEngineKind } from "./ids.ts";

/** Kinds whose names start with `holdfast.` are the engine's own and count for none of these but bytes. */
export type Quota = {
  /** Live records of the owner. */
  readonly records?: number | undefined;
  /** Live records of each kind that this commit creates, by kind. */
  readonly ofKind?: Readonly<Record<string, number>> | undefined;
  /** Bytes of documents and events of the owner. */
  readonly bytes?: number | undefined;
  /** Commit ids of origin `caller` that are remembered for the owner. Default 100,000, without any quota too. */
  readonly commitIds?: number | undefined;
};

/** Of live records, the engine's own left out; but `bytes` counts all content held, expired and retained included. */
export type Usage = {
  readonly records: number;
  readonly bytes: number;
  readonly byKind: Readonly<Record<string, number>>;
};

/** What a store counts per owner. As a growth, numbers may be negative and kinds that do not change may be left out. */
export type OwnerCounts = {
  readonly bytes: number;
  /** Live records by kind, the engine's own included. */
  readonly kinds: ReadonlyMap<string, number>;
  /** Remembered commit ids of origin `caller`. */
  readonly commitIds: number;
};

/**
 * Which limit this growth would break: only what grows can. No expired record may be counted in `standing`.
 *
 * @example
 * const refusal = brokenQuota(counts, growth, { bytes: 1_048_576 });
 * if (refusal !== undefined) return { ok: false, at: Date.now(), refusal };
 */
export function brokenQuota(standing: OwnerCounts, growth: OwnerCounts, quota: Quota | undefined): Refusal | undefined {
  const broken = quota === undefined ? undefined : brokenByContent(standing, growth, quota);
  if (broken !== undefined) return broken;
  const limit = quota?.commitIds ?? maxCommitIdsPerOwner;
  if (!exceeds(limit, standing.commitIds, growth.commitIds)) return undefined;
  return { reason: "quota", quota: "commitIds", limit };
}

function brokenByContent(standing: OwnerCounts, growth: OwnerCounts, quota: Quota): Refusal | undefined {
  let records = 0;
  for (const [kind, grown] of growth.kinds) {
    if (isEngineKind(kind)) continue;
    records += grown;
    const limit = quota.ofKind !== undefined && Object.hasOwn(quota.ofKind, kind) ? quota.ofKind[kind] : undefined;
    if (exceeds(limit, standing.kinds.get(kind) ?? 0, grown)) return { reason: "quota", quota: "kind", limit };
  }
  if (exceeds(quota.records, records > 0 ? liveRecords(standing.kinds) : 0, records)) {
    return { reason: "quota", quota: "records", limit: quota.records };
  }
  if (!exceeds(quota.bytes, standing.bytes, growth.bytes)) return undefined;
  return { reason: "quota", quota: "bytes", limit: quota.bytes };
}

/**
 * The answer to "what does this owner have". No expired record may be counted.
 *
 * @example
 * const { bytes, records } = usageOf(counts);
 */
export function usageOf({ bytes, kinds }: Pick<OwnerCounts, "bytes" | "kinds">): Usage {
  const byKind = Object.fromEntries([...kinds].filter(([kind]) => !isEngineKind(kind)));
  return { records: liveRecords(kinds), bytes, byKind };
}

function liveRecords(kinds: ReadonlyMap<string, number>): number {
  let records = 0;
  for (const [kind, count] of kinds) if (!isEngineKind(kind)) records += count;
  return records;
}

function exceeds(limit: number | undefined, standing: number, growth: number): limit is number {
  return limit !== undefined && growth > 0 && standing + growth > limit;
}

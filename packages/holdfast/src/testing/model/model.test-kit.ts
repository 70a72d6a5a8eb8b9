/**
 * The store contract once more, in the plainest way: nothing is fast, nothing is shared, and nothing is taken from the
 * code it judges. States are plain data, so that they can be copied and compared.
 */
import type { Append, Change, ChangeResult, Refusal } from "../../record/change.ts";
import type { Lifetime, StoredEvent } from "../../record/record.ts";
import type { CommitOptions } from "../../store/contract.ts";

export type ModelStream = { head: number; events: StoredEvent[]; first: number };

export type ModelRecord = {
  kind: string;
  id: string;
  /** The place in the order of creation. */
  place: number;
  version: number;
  incarnation: number;
  createdAt: number;
  updatedAt: number;
  touchedAt: number;
  lifetime: Lifetime;
  deadlineAt?: number | undefined;
  expiresAt?: number | undefined;
  endedAt?: number | undefined;
  fields: object;
  document: string;
  documentPosition: number;
  counters: Map<string, number>;
  streams: Map<string, ModelStream>;
};

export type ModelOutcome = { digest: string; at: number; results: ChangeResult[]; forgetAt: number };

/** Everything of one owner. */
export type ModelOwner = {
  floor: number;
  places: number;
  records: ModelRecord[];
  outcomes: Map<string, ModelOutcome>;
};

export function newOwner(): ModelOwner {
  return { floor: 0, places: 0, records: [], outcomes: new Map() };
}

export function isModelLive(record: ModelRecord | undefined, now: number): record is ModelRecord {
  if (record === undefined || record.endedAt !== undefined) return false;
  return record.expiresAt === undefined || record.expiresAt > now;
}

export function findRecord(owner: ModelOwner, key: { kind: string; id: string }): ModelRecord | undefined {
  return owner.records.find(({ kind, id }) => kind === key.kind && id === key.id);
}

export type ModelCommitted =
  | { ok: true; at: number; replayed: boolean; results: ChangeResult[] }
  | { ok: false; at: number; refusal: Refusal };

/** Commits to a copy first, and lets it become the owner's state only if nothing was refused. */
export function commitToModel(
  owner: ModelOwner,
  changes: readonly Change[],
  options: CommitOptions,
  now: number,
): ModelCommitted {
  const { commitId, fence, quota } = options;
  const known = commitId && owner.outcomes.get(commitId.id);
  if (known !== undefined && now < known.forgetAt) {
    if (known.digest !== commitId?.digest) return { ok: false, at: now, refusal: { reason: "commit-id" } };
    return { ok: true, at: known.at, replayed: true, results: known.results };
  }
  if (fence !== undefined) {
    const lease = findRecord(owner, fence.key);
    const actual = isModelLive(lease, now) ? lease.version : undefined;
    if (actual !== fence.token) return { ok: false, at: now, refusal: { reason: "fence", token: fence.token, actual } };
  }
  const copy = structuredClone(owner);
  const results: ChangeResult[] = [];
  for (const [index, change] of changes.entries()) {
    const outcome = changeRecord(copy, change, index, now);
    if ("reason" in outcome) return { ok: false, at: now, refusal: outcome };
    results.push(outcome);
  }
  const broken = quota && brokenQuota(usageOf(owner, now), usageOf(copy, now), quota);
  if (broken !== undefined) return { ok: false, at: now, refusal: broken };
  if (commitId !== undefined) {
    copy.outcomes.set(commitId.id, { digest: commitId.digest, at: now, results, forgetAt: now + 24 * 60 * 60 * 1_000 });
  }
  Object.assign(owner, copy);
  return { ok: true, at: now, replayed: false, results };
}

function changeRecord(owner: ModelOwner, change: Change, index: number, now: number): ChangeResult | Refusal {
  const standing = findRecord(owner, change);
  const live = isModelLive(standing, now);
  const refused: Refusal = {
    reason: "version",
    index,
    expected: change.expect,
    actual: live ? standing.version : undefined,
  };
  if (change.expect === "absent" && live) return refused;
  if (change.expect === "present" && !live) return refused;
  if (typeof change.expect === "number" && !(live && standing.version === change.expect)) return refused;
  if (!live && change.create === undefined) return refused;
  const begins = versionOfBirth(owner, standing);
  const wished = change.create?.version;
  if (!live && wished !== undefined && wished !== begins) {
    return { reason: "beginning", index, expected: wished, actual: begins };
  }

  const record = live ? standing : createRecord(owner, standing, change, now);
  record.touchedAt = now;
  if (live && change.document !== undefined) {
    record.version += 1;
    record.updatedAt = now;
    record.document = change.document.text;
    record.documentPosition = change.document.position ?? record.documentPosition;
    record.fields = change.document.fields ?? record.fields;
  }
  const counters = new Map<string, number>();
  for (const { name, by, min, max } of change.counters ?? []) {
    const value = record.counters.get(name) ?? 0;
    const after = value + by;
    const allowed =
      Math.abs(after) <= Number.MAX_SAFE_INTEGER &&
      (min === undefined || after >= min) &&
      (max === undefined || after <= max);
    if (!allowed) return { reason: "bounds", index, counter: name, value, by };
    record.counters.set(name, after);
    counters.set(name, after);
  }
  const heads = new Map<string, number>();
  for (const append of change.appends ?? []) {
    const refusal = appendTo(record, append, index, now);
    if (refusal !== undefined) return refusal;
    heads.set(append.stream, record.streams.get(append.stream)?.head ?? 0);
  }
  for (const { stream, through } of change.trims ?? []) {
    const standingStream = record.streams.get(stream);
    if (standingStream !== undefined) trim(standingStream, through);
  }
  if (live && change.slide === true && change.lifetime === undefined) slide(record, now);
  if (change.lifetime !== undefined) beginLifetime(record, change.lifetime, now);
  const { version, incarnation, expiresAt } = record;
  if (change.end === true) end(record, now);
  return { version, incarnation, created: !live, counters, heads, expiresAt };
}

function versionOfBirth(owner: ModelOwner, standing: ModelRecord | undefined): number {
  return Math.max(owner.floor, standing?.version ?? 0) + 1;
}

function createRecord(owner: ModelOwner, standing: ModelRecord | undefined, change: Change, now: number): ModelRecord {
  const { create } = change;
  if (create === undefined) throw new Error("a creation without `create`");
  const version = versionOfBirth(owner, standing);
  owner.places += 1;
  const record: ModelRecord = {
    kind: change.kind,
    id: change.id,
    place: owner.places,
    version,
    incarnation: version,
    createdAt: now,
    updatedAt: now,
    touchedAt: now,
    lifetime: {},
    fields: create.fields ?? {},
    document: create.text,
    documentPosition: create.position ?? 0,
    counters: new Map(),
    streams: new Map(),
  };
  beginLifetime(record, create.lifetime, now);
  owner.records = [...owner.records.filter((other) => other !== standing), record];
  return record;
}

function beginLifetime(record: ModelRecord, lifetime: Lifetime, now: number): void {
  record.lifetime = lifetime;
  record.deadlineAt = lifetime.absoluteMs === undefined ? undefined : now + lifetime.absoluteMs;
  const ends = [record.deadlineAt, lifetime.idleMs === undefined ? undefined : now + lifetime.idleMs];
  record.expiresAt = earliest(ends);
}

function slide(record: ModelRecord, now: number): void {
  const { idleMs } = record.lifetime;
  if (idleMs === undefined || record.expiresAt === undefined) return;
  const target = earliest([now + idleMs, record.deadlineAt]) ?? 0;
  if (20 * (target - record.expiresAt) > idleMs) record.expiresAt = target;
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function appendTo(
  record: ModelRecord,
  { stream, data, expectedHead, keep }: Append,
  index: number,
  at: number,
): Refusal | undefined {
  const log = record.streams.get(stream) ?? { head: 0, events: [], first: 1 };
  if (expectedHead !== undefined && expectedHead !== log.head) {
    return { reason: "position", index, stream, expected: expectedHead, actual: log.head };
  }
  record.streams.set(stream, log);
  for (const text of data) {
    log.head += 1;
    log.events.push({ position: log.head, at, data: text });
  }
  if (keep !== undefined) trim(log, log.head - keep);
  return undefined;
}

function trim(log: ModelStream, through: number): void {
  log.events = log.events.filter(({ position }) => position > through);
  log.first = log.events[0]?.position ?? log.head + 1;
}

function end(record: ModelRecord, now: number): void {
  record.endedAt = now;
  if ((record.lifetime.retainMs ?? 0) > 0) return;
  record.document = "";
  record.documentPosition = 0;
  record.counters = new Map();
  record.streams = new Map();
}

export type ModelUsage = { records: number; bytes: number; byKind: Map<string, number> };

/** Live records by kind, the engine's own left out, and the bytes of everything held. */
export function usageOf(owner: ModelOwner, now: number): ModelUsage {
  const usage: ModelUsage = { records: 0, bytes: 0, byKind: new Map() };
  for (const record of owner.records) {
    usage.bytes += bytesOf(record.document);
    for (const { events } of record.streams.values()) for (const { data } of events) usage.bytes += bytesOf(data);
    if (!isModelLive(record, now) || record.kind.startsWith("holdfast.")) continue;
    usage.records += 1;
    usage.byKind.set(record.kind, (usage.byKind.get(record.kind) ?? 0) + 1);
  }
  return usage;
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

function brokenQuota(
  before: ModelUsage,
  after: ModelUsage,
  quota: NonNullable<CommitOptions["quota"]>,
): Refusal | undefined {
  const breaks = (was: number, is: number, limit: number | undefined): boolean =>
    limit !== undefined && is > was && is > limit;
  for (const [kind, limit] of Object.entries(quota.ofKind ?? {})) {
    if (kind.startsWith("holdfast.") || limit === undefined) continue;
    if (breaks(before.byKind.get(kind) ?? 0, after.byKind.get(kind) ?? 0, limit))
      return { reason: "quota", quota: "kind", limit };
  }
  if (breaks(before.records, after.records, quota.records))
    return { reason: "quota", quota: "records", limit: quota.records ?? 0 };
  if (breaks(before.bytes, after.bytes, quota.bytes))
    return { reason: "quota", quota: "bytes", limit: quota.bytes ?? 0 };
  return undefined;
}

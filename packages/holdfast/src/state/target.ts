import type { Change, Creation } from "../record/change.ts";
import type { RecordKey, StoredRecord } from "../record/record.ts";
import { type Applied, firstResult } from "./applied.ts";
import { decodeDocument, decodeText, encodeInitial } from "./document.ts";
import { commitIdIn } from "./idempotency.ts";
import { fenceOf } from "./leases/locks.ts";
import { checkGet } from "./method-options.ts";
import { contention, notFound, refusalError } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import type { ChangeOptions, GetOptions, RecordView } from "./types.ts";
import { viewOf, viewOfCreated } from "./views.ts";

/** A record to do something to. */
export type Target = {
  readonly key: RecordKey;
  /** The record is made from its initial value where it is not there yet; under this name, if it has one. */
  readonly createAs?: { readonly name?: string | undefined } | undefined;
};

/** Rounds of "absent, so make it" and "there, so read it" that others may spoil by making and ending it. */
const maxRounds = 8;

/** The record, made first if the target says so. */
export async function getRecord(scope: Scope, target: Target, options: GetOptions): Promise<RecordView<unknown>> {
  checkGet("get", options);
  const { replica, minVersion, signal } = options;
  const { key, createAs } = target;
  for (let round = 1; ; round++) {
    const { record, at } = await scope.engine.read(scope.owner, key, { replica, minVersion, signal });
    if (record !== undefined) return await viewed(scope, record, at, signal);
    if (createAs === undefined) throw notFound();
    const made = await makeRecord(scope, key, createAs.name, signal);
    if (made !== undefined) return made;
    if (round >= maxRounds) throw contention("others make and end this record all the while", { rounds: round });
  }
}

/** Makes a record from its initial value; undefined if it is there by now, as somebody else made it. */
async function makeRecord(
  scope: Scope,
  key: RecordKey,
  name: string | undefined,
  signal: AbortSignal | undefined,
): Promise<RecordView<unknown> | undefined> {
  const create = await creationOf(scope, name);
  const applied = await scope.engine.apply(scope.owner, [{ ...key, expect: "any", create, slide: true }], {
    quota: scope.engine.creationQuota(scope.kind),
    signal,
  });
  const result = firstResult(applied);
  if (!result.created) return undefined;
  return viewOfCreated(key, result, applied.at, await decodeText(scope.kind, create.text));
}

async function viewed(
  scope: Scope,
  record: StoredRecord,
  at: number,
  signal: AbortSignal | undefined,
): Promise<RecordView<unknown>> {
  const value = await decodeDocument(scope.kind, record);
  const expiresAt = await scope.slideAfterRead(record, at, signal);
  return viewOf(expiresAt === record.expiresAt ? record : { ...record, expiresAt }, value);
}

async function creationOf(scope: Scope, name: string | undefined): Promise<Creation> {
  const { text, fields } = await encodeInitial(scope.kind, name);
  return { text, fields, lifetime: scope.kind.lifetime };
}

/** What a change that needs no reading does, apart from its address and expectation. */
export type Blind = Pick<Change, "counters" | "appends">;

/**
 * A change that conflicts with nobody: made without reading. Slides the record.
 * Throws `NOT_FOUND`, `OUT_OF_BOUNDS`, `QUOTA_EXCEEDED`, or `CONFLICT` where an append names the head it expects.
 */
export async function changeBlindly(
  scope: Scope,
  { key, createAs }: Target,
  blind: Blind,
  options: ChangeOptions,
  operation: { readonly name: string; readonly intent: () => unknown },
): Promise<Applied> {
  const { engine, owner } = scope;
  const { signal, idempotency } = options;
  const fence = fenceOf(options.fence);
  const commitId = commitIdIn(engine, { ...key, name: operation.name }, idempotency, operation.intent);
  const quota = blind.appends === undefined ? undefined : engine.growthQuota;
  const { counters, appends } = blind;
  // Spelled out: this is made for every change, and spreading costs several times as much.
  const change: Change = { kind: key.kind, id: key.id, expect: "present", counters, appends, slide: true };
  const committed = await engine.commit(owner, [change], { commitId, fence, quota, signal });
  if (committed.ok) {
    if (scope.mayHaveCompanions) await scope.followSlide(key, committed, signal);
    return committed;
  }
  const { refusal } = committed;
  if (refusal.reason !== "version" || createAs === undefined) throw refusalError(refusal);
  const create = await creationOf(scope, createAs.name);
  return await engine.apply(owner, [{ ...key, ...blind, expect: "any", create, slide: true }], {
    commitId,
    fence,
    quota: engine.creationQuota(scope.kind),
    signal,
  });
}

/**
 * Making records behind minted handles.
 *
 * A creation with an idempotency key has to give the same handle again, and a handle has to come from the secure
 * source: it cannot be derived from the key. So the commit that makes the record also makes a small record of the
 * engine's own, found by the commit id, that remembers the handle as long as the commit id is remembered.
 */
import type { Change } from "../record/change.ts";
import { commitIdWindowMs } from "../record/commit-ids.ts";
import { mintId } from "../record/ids.ts";
import type { IndexedFields, Lifetime, RecordKey } from "../record/record.ts";
import type { CommitId, ReadAnswer } from "../store/contract.ts";
import { firstResult } from "./applied.ts";
import { type Encoded, encodeDocument, encodeInitial } from "./document.ts";
import { checkSameIntent, commitIdOf } from "./idempotency.ts";
import { parseStored } from "./json.ts";
import { fenceOf } from "./leases/locks.ts";
import { notFound } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import { getRecord } from "./target.ts";
import type { ChangeOptions, RecordView } from "./types.ts";
import { viewOfCreated } from "./views.ts";

const createdKind = "holdfast.created";
/** An hour longer than commit ids are remembered, so that the handle is there as long as its commit id is. */
const createdLifetime: Lifetime = { absoluteMs: commitIdWindowMs.caller + 3_600_000 };

/**
 * Throws `INVALID_ARGUMENT` or `QUOTA_EXCEEDED`; with an idempotency key also `COMMIT_ID_REUSED`.
 * @param fields of kinds whose fields are given at creation.
 */
export async function createRecord(
  scope: Scope,
  value: unknown,
  options: ChangeOptions,
  fields?: IndexedFields,
): Promise<RecordView<unknown>> {
  const { idempotency, signal } = options;
  if (idempotency === undefined) return await mint(scope, value, fields, undefined, options);
  const commitId = commitIdOf({ kind: scope.kind.name, name: "create" }, idempotency, value ?? null);
  const earlier = await scope.engine.read(scope.owner, memoOf(commitId), { commitId: commitId.id, signal });
  if (earlier.outcome === undefined) return await mint(scope, value, fields, commitId, options);
  checkSameIntent(commitId, earlier.outcome);
  return await again(scope, earlier, signal);
}

async function mint(
  scope: Scope,
  value: unknown,
  fields: IndexedFields | undefined,
  commitId: CommitId | undefined,
  { fence, signal }: ChangeOptions,
): Promise<RecordView<unknown>> {
  const { engine, owner, kind } = scope;
  const encoded = value === undefined ? await encodeInitial(kind) : await encodeDocument(kind, value);
  const key: RecordKey = { kind: kind.name, id: mintId(kind.prefix) };
  const changes = changesOf(scope, key, fields === undefined ? encoded : { ...encoded, fields }, commitId);
  const applied = await engine.apply(owner, changes, {
    commitId,
    fence: fenceOf(fence),
    quota: engine.creationQuota(kind),
    signal,
  });
  if (applied.replayed && commitId !== undefined) {
    return await again(scope, await engine.read(owner, memoOf(commitId), { signal }), signal);
  }
  return viewOfCreated(key, firstResult(applied), applied.at, encoded.value);
}

function changesOf(
  { kind }: Scope,
  key: RecordKey,
  { text, fields }: Encoded,
  commitId: CommitId | undefined,
): readonly Change[] {
  const creation: Change = { ...key, expect: "absent", create: { text, fields, lifetime: kind.lifetime } };
  if (commitId === undefined) return [creation];
  const memo = { text: JSON.stringify(key.id), lifetime: createdLifetime };
  return [creation, { ...memoOf(commitId), expect: "any", create: memo, document: memo }];
}

/** Where the handle that a commit id made is remembered. A commit id of ours is a well-formed record id. */
function memoOf({ id }: CommitId): RecordKey {
  return { kind: createdKind, id };
}

async function again(
  scope: Scope,
  { record: memo }: ReadAnswer,
  signal: AbortSignal | undefined,
): Promise<RecordView<unknown>> {
  if (memo === undefined) throw notFound();
  // Written by `changesOf` as the JSON text of the handle.
  const id = parseStored(memo.document, "the memory of a creation") as string;
  return await getRecord(scope, { key: scope.keyOf(id) }, { ...(signal && { signal }) });
}

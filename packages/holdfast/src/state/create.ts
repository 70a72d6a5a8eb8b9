/**
 * Making records behind minted handles.
 *
 * A creation with an idempotency key has to give the same handle again, and a handle has to come from the secure
 * source: it cannot be derived from the key. So the commit that makes the record also makes a small record of the
 * engine's own, found by the commit id, that remembers the handle as long as the commit id is remembered.
 */

import type { Change, Creation } from "../record/change.ts";
import { commitIdWindowMs } from "../record/commit-ids.ts";
import { mintId } from "../record/ids.ts";
import type { IndexedFields, Lifetime, RecordKey } from "../record/record.ts";
import type { CommitId, CommitOutcome, ReadAnswer } from "../store/contract.ts";
import { type Applied, firstResult } from "./applied.ts";
import { decodeText, type Encoded, encodeDocument, encodeInitial } from "./document.ts";
import { checkSameIntent, commitIdIn } from "./idempotency.ts";
import { parseStored } from "./json.ts";
import { fenceOf } from "./leases/locks.ts";
import { checkChange } from "./method-options.ts";
import { rememberedStep, remembering } from "./once/steps.ts";
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
 * @param given the fields, of kinds whose fields are given at creation.
 */
export async function createRecord(
  scope: Scope,
  value: unknown,
  options: ChangeOptions,
  given?: IndexedFields,
): Promise<RecordView<unknown>> {
  checkChange("create", options);
  const { engine, owner, kind } = scope;
  const { signal } = options;
  let encoded: Encoded | undefined;
  const { key, applied, first } = await mintOnce(scope, value ?? null, options, async () => {
    encoded = await (value === undefined ? encodeInitial(kind) : encodeDocument(kind, value));
    const { text, fields } = encoded;
    return { create: { text, fields: given ?? fields, lifetime: kind.lifetime } };
  });
  if (applied === undefined || encoded === undefined) {
    const step = await rememberedStep(engine, owner, first?.commitId, signal);
    return step === undefined || first === undefined
      ? await getRecord(scope, { key }, { ...(signal && { signal }) })
      : viewOfCreated(key, firstResult(first), first.at, await decodeText(kind, step.text));
  }
  return viewOfCreated(key, firstResult(applied), applied.at, encoded.value);
}

/** What a creation commits for the record itself. */
export type Beginning = { readonly create: Creation } & Pick<Change, "appends" | "counters">;

/** The address of a new record and the commit that made it: this one, or an earlier one that this repeats. */
export type Minted = {
  readonly key: RecordKey;
  readonly applied?: Applied;
  readonly first?: Pick<CommitOutcome, "at" | "results"> & { readonly commitId: CommitId };
};

/** Mints a handle and makes a record behind it; once for each idempotency key. */
export async function mintOnce(
  scope: Scope,
  intent: unknown,
  options: ChangeOptions,
  begin: () => Promise<Beginning>,
): Promise<Minted> {
  const { idempotency, signal } = options;
  const operation = { kind: scope.kind.name, name: "create" };
  const commitId = commitIdIn(scope.engine, operation, idempotency, () => intent);
  if (commitId === undefined) return await mint(scope, await begin(), undefined, options);
  const earlier = await scope.engine.read(scope.owner, memoOf(commitId), { commitId: commitId.id, signal });
  if (earlier.outcome === undefined) return await mint(scope, await begin(), commitId, options);
  checkSameIntent(commitId, earlier.outcome);
  return { key: again(scope, earlier), first: { ...earlier.outcome, commitId } };
}

async function mint(
  scope: Scope,
  beginning: Beginning,
  commitId: CommitId | undefined,
  { fence, signal }: ChangeOptions,
): Promise<Minted> {
  const { engine, owner, kind } = scope;
  const key: RecordKey = { kind: kind.name, id: scope.mintAs ?? mintId(kind.prefix) };
  const step = remembering(engine, commitId, { text: beginning.create.text });
  const applied = await engine.apply(owner, [...changesOf(key, beginning, commitId), ...step], {
    commitId,
    fence: fenceOf(fence),
    quota: engine.creationQuota(kind),
    signal,
  });
  if (applied.replayed && commitId !== undefined) {
    const memo = await engine.read(owner, memoOf(commitId), { signal });
    return { key: again(scope, memo), first: { ...applied, commitId } };
  }
  return { key, applied };
}

function changesOf(key: RecordKey, beginning: Beginning, commitId: CommitId | undefined): readonly Change[] {
  const creation: Change = { ...key, expect: "absent", ...beginning };
  if (commitId === undefined) return [creation];
  const memo = { text: JSON.stringify(key.id), lifetime: createdLifetime };
  return [creation, { ...memoOf(commitId), expect: "any", create: memo, document: memo }];
}

/** Where the handle that a commit id made is remembered. A commit id of ours is a well-formed record id. */
function memoOf({ id }: CommitId): RecordKey {
  return { kind: createdKind, id };
}

function again(scope: Scope, { record: memo }: ReadAnswer): RecordKey {
  if (memo === undefined) throw notFound();
  // Written by `changesOf` as the JSON text of the handle.
  return scope.keyOf(parseStored(memo.document, "the memory of a creation") as string);
}

/** Making records behind minted handles: with an idempotency key the same handle again, from a `memo.ts`. */

import type { Change, Creation } from "../record/change.ts";
import { mintId } from "../record/ids.ts";
import type { IndexedFields, RecordKey } from "../record/record.ts";
import type { CommitId, CommitOutcome, ReadAnswer } from "../store/contract.ts";
import { type Applied, firstResult } from "./applied.ts";
import { decodeText, type Encoded, encodeDocument, encodeInitial } from "./document.ts";
import { checkSameIntent, commitIdIn } from "./idempotency.ts";
import { fenceOf } from "./leases/locks.ts";
import { memoOf, memorized, memorizing } from "./memo.ts";
import { checkChange } from "./method-options.ts";
import { rememberedStep, remembering } from "./once/steps.ts";
import type { Scope } from "./scope.ts";
import { getRecord } from "./target.ts";
import type { ChangeOptions, RecordView } from "./types.ts";
import { viewOfCreated } from "./views.ts";

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
    return step?.text === undefined || first === undefined
      ? await getRecord(scope, { key }, { ...(signal && { signal }) })
      : viewOfCreated(key, firstResult(first), first.at, await decodeText(kind, step.text));
  }
  return viewOfCreated(key, firstResult(applied), applied.at, encoded.value);
}

/** What a creation commits for the record itself, and what a call that counts once has to know to answer it again. */
export type Beginning = { readonly create: Creation; readonly said?: unknown } & Pick<Change, "appends" | "counters">;

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
  const { said, ...begun } = beginning;
  const creation: Change = { ...key, expect: "absent", ...begun };
  const step = remembering(engine, commitId, { text: begun.create.text, said });
  const applied = await engine.apply(owner, [creation, ...memorizing(commitId, key.id), ...step], {
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

function again(scope: Scope, memo: ReadAnswer): RecordKey {
  return scope.keyOf(memorized(memo));
}

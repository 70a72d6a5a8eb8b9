/** Read, change, commit if nobody came between, otherwise again: see `persistently.ts`. */
import { throwIfAborted } from "../record/abort.ts";
import type { Change, Creation, NewDocument } from "../record/change.ts";
import type { HoldfastError } from "../record/errors.ts";
import type { RecordKey, StoredRecord } from "../record/record.ts";
import type { CommitId, CommitOptions, CommitOutcome, ReadAnswer } from "../store/contract.ts";
import { firstResult } from "./applied.ts";
import { decodeDocument, decodeText, type Encoded, encodeDocument, encodeInitial, nameField } from "./document.ts";
import { checkSameIntent, commitIdIn } from "./idempotency.ts";
import { fenceOf } from "./leases/locks.ts";
import { readPart, rememberedStep, remembering } from "./once/steps.ts";
import { type Overtaken, persistently } from "./persistently.ts";
import { conflict, notFound, refusalError } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import { CollectedTransaction } from "./transaction.ts";
import type { ConditionalOptions, RecordView, Transaction } from "./types.ts";
import { viewAfter, viewOf, viewOfCreated } from "./views.ts";

export type UpdateRequest = {
  readonly key: RecordKey;
  /** Part of the scope of an idempotency key. */
  readonly operation: string;
  /** Changes the draft in place, or answers another value. */
  readonly fn: (draft: unknown, tx: Transaction) => unknown;
  readonly options: ConditionalOptions;
  readonly defaultIntent?: unknown;
  /** Make the record from its initial value, in the same commit, where it is not there yet. */
  readonly createAs?: { readonly name?: string | undefined } | undefined;
  /** Asked once the function is done: what a repeat of a call that counts once is told instead of a view. */
  readonly said?: (() => unknown) | undefined;
};

export type Updated = {
  /** The record after the update; after a replay, as it is now: undefined if it has ended since. */
  readonly view: RecordView<unknown> | undefined;
  /** The version the update made; after a replay, the one it made the first time. */
  readonly version: number;
  /** Counters that the update named, as it left them; after a replay, as it did the first time. */
  readonly counters: ReadonlyMap<string, number>;
  /** Heads of the streams that the update named, likewise. */
  readonly heads: ReadonlyMap<string, number>;
  readonly replayed: boolean;
  /** After a replay, what `said` was the first time, where that is known. */
  readonly said?: unknown;
};

/** Throws `NOT_FOUND`, `CONFLICT` (with `ifVersion` only), `CONTENTION`, or whatever the function throws. */
export function update(scope: Scope, request: UpdateRequest): Promise<Updated> {
  return updateUnder(scope, request, commitIdOfUpdate(scope, request));
}

/** The commit id of an update that something has to be awaited for before it is made. */
export function commitIdOfUpdate(
  { engine }: Scope,
  {
    key,
    operation,
    options: { idempotency },
    defaultIntent = null,
  }: Pick<UpdateRequest, "key" | "operation" | "options" | "defaultIntent">,
): CommitId | undefined {
  return commitIdIn(engine, { ...key, name: operation }, idempotency, () => defaultIntent);
}

export function updateUnder(scope: Scope, request: UpdateRequest, commitId: CommitId | undefined): Promise<Updated> {
  const { key, options } = request;
  const { signal } = options;
  return scope.engine.alone(scope.addressOf(key), key, signal, () => persist(scope, request, commitId));
}

async function persist(scope: Scope, request: UpdateRequest, commitId: CommitId | undefined): Promise<Updated> {
  const { key, options } = request;
  const { signal, ifVersion } = options;
  return await persistently(scope, key, {
    signal,
    conflict: ifVersion === undefined ? undefined : ({ actual }) => conflictOf(ifVersion, actual),
    attempt: (waited) => attemptOnce(scope, request, commitId, waited),
  });
}

function conflictOf(expected: number, actual: number | undefined): HoldfastError {
  return actual === undefined ? notFound() : conflict(expected, actual);
}

async function attemptOnce(
  scope: Scope,
  request: UpdateRequest,
  commitId: CommitId | undefined,
  waited: boolean,
): Promise<Updated | Overtaken> {
  const { key, options, createAs } = request;
  const { signal, ifVersion } = options;
  const answer = await scope.engine.read(scope.owner, key, { signal, commitId: commitId?.id });
  const { record, outcome } = answer;
  if (outcome !== undefined && commitId !== undefined) {
    checkSameIntent(commitId, outcome);
    return await replayed(scope, key, answer, commitId, outcome, signal);
  }
  if (record === undefined && createAs === undefined) throw notFound();
  if (ifVersion !== undefined && ifVersion !== record?.version) throw conflict(ifVersion, record?.version);
  if (!waited && record !== undefined && (await scope.engine.updateLeases.inUse(scope, record, signal))) {
    return { overtaken: "leased" };
  }

  const pending = record === undefined ? initialDraft(scope, createAs?.name) : decodeDocument(scope.kind, record);
  const draft: unknown = pending instanceof Promise ? await pending : pending;
  const tx = new CollectedTransaction(scope.kind);
  // Most functions answer nothing at once: they are not waited for.
  const answered = request.fn(draft, tx);
  const returned: unknown = answered === undefined ? undefined : await Promise.resolve(answered);
  const { appends, counters } = tx.close();
  const name = record === undefined ? createAs?.name : nameOf(record);
  const encoding = encodeDocument(scope.kind, returned === undefined ? draft : returned, name);
  const encoded = encoding instanceof Promise ? await encoding : encoding;
  throwIfAborted(signal);

  const changed = record === undefined || encoded.text !== record.document;
  const fence = fenceOf(options.fence);
  const isNothing = !changed && appends === undefined && counters === undefined;
  if (record !== undefined && isNothing && commitId === undefined && fence === undefined) {
    return await unchanged(scope, record, answer.at, encoded.value, signal);
  }
  const change: Change = {
    kind: key.kind,
    id: key.id,
    // Exactly what was read, or that there was nothing.
    expect: record?.version ?? "absent",
    create: record === undefined ? creationOf(scope, encoded) : undefined,
    document: record !== undefined && changed ? replacementOf(scope, encoded) : undefined,
    counters,
    appends,
    slide: true,
  };
  const quota =
    record === undefined
      ? scope.engine.creationQuota(scope.kind)
      : changed || appends !== undefined
        ? scope.engine.growthQuota
        : undefined;
  const said = request.said?.();
  return await settle(scope, { record, at: answer.at }, { encoded, said }, change, { commitId, fence, quota, signal });
}

function creationOf({ kind }: Scope, { text, fields }: Encoded): Creation {
  return { text, fields, lifetime: kind.lifetime };
}

function replacementOf({ kind }: Scope, { text, fields }: Encoded): NewDocument {
  return { text, fields: kind.fixedFields ? undefined : fields };
}

async function settle(
  scope: Scope,
  { record, at: readAt }: Pick<ReadAnswer, "record" | "at">,
  { encoded, said }: { readonly encoded: Encoded; readonly said: unknown },
  change: Change,
  options: CommitOptions,
): Promise<Updated | Overtaken> {
  scope.engine.conflicts.tried();
  const { commitId, signal } = options;
  const read = record === undefined ? undefined : readPart(record);
  const step = remembering(scope.engine, commitId, said === undefined ? { text: encoded.text, read } : { said });
  const committed = await scope.commitSliding(record, readAt, change, options, step);
  if (!committed.ok) {
    if (committed.refusal.reason === "version") return { overtaken: "version", actual: committed.refusal.actual };
    throw refusalError(committed.refusal);
  }
  const result = firstResult(committed);
  if (committed.replayed && commitId !== undefined) {
    // Another process made the same change between the look-up and the commit.
    const now = await scope.engine.read(scope.owner, change, { signal });
    return await replayed(scope, change, now, commitId, committed, signal);
  }
  const view =
    record === undefined
      ? viewOfCreated(change, result, committed.at, encoded.value)
      : viewAfter(record, result, committed.at, encoded.value);
  return { view, version: result.version, counters: result.counters, heads: result.heads, replayed: false };
}

/** The record as it was after the first time, where that was remembered; else as it is now. */
async function replayed(
  scope: Scope,
  key: RecordKey,
  { record }: ReadAnswer,
  commitId: CommitId,
  outcome: Pick<CommitOutcome, "at" | "results">,
  signal: AbortSignal | undefined,
): Promise<Updated> {
  const { engine, owner, kind } = scope;
  const { at } = outcome;
  const first = firstResult(outcome);
  const { version, counters, heads } = first;
  const step = await rememberedStep(engine, owner, commitId, signal);
  if (step?.said !== undefined) {
    return { view: undefined, version, counters, heads, replayed: true, said: step.said };
  }
  if (step?.text !== undefined) {
    const value = await decodeText(kind, step.text);
    const view =
      step.read === undefined ? viewOfCreated(key, first, at, value) : viewAfter(step.read, first, at, value);
    return { view, version, counters, heads, replayed: true };
  }
  const view = record === undefined ? undefined : viewOf(record, await decodeDocument(kind, record));
  return { view, version, counters, heads, replayed: true };
}

async function unchanged(
  scope: Scope,
  record: StoredRecord,
  at: number,
  value: unknown,
  signal: AbortSignal | undefined,
): Promise<Updated> {
  const expiresAt = await scope.slideAfterRead(record, at, signal);
  const view = viewOf({ ...record, expiresAt }, value);
  return { view, version: record.version, counters: new Map(), heads: new Map(), replayed: false };
}

/** The view of an update that has to answer with one. Throws `NOT_FOUND` where a replay found the record ended. */
export function viewOfUpdated({ view }: Updated): RecordView<unknown> {
  if (view === undefined) throw notFound();
  return view;
}

/** A draft of its own: what `initial` returns may be shared between calls. */
async function initialDraft(scope: Scope, name: string | undefined): Promise<unknown> {
  const { text } = await encodeInitial(scope.kind, name);
  return await decodeText(scope.kind, text);
}

function nameOf(record: StoredRecord): string | undefined {
  const name = record.fields[nameField];
  return typeof name === "string" ? name : undefined;
}

/**
 * Read, fold, decide, append if nobody came between, otherwise again; as `update` does for documents.
 */

import { throwIfAborted } from "../../record/abort.ts";
import type { Change } from "../../record/change.ts";
import type { CommitId, CommitOutcome, Committed } from "../../store/contract.ts";
import { firstResult } from "../applied.ts";
import { checkSameIntent, commitIdIn } from "../idempotency.ts";
import { fenceOf } from "../leases/locks.ts";
import { checkAppendEvents } from "../method-options.ts";
import { isRemembered, rememberedStep, remembering } from "../once/steps.ts";
import { type Overtaken, persistently } from "../persistently.ts";
import { invalid, notFound } from "../refusals.ts";
import { answeredAgain, stepOf } from "./again.ts";
import { appendError, appendOf, positionConflict, type SourcedTarget } from "./append.ts";
import { encodeEvents, eventsGiven } from "./codec.ts";
import { creationOf } from "./creation.ts";
import { eventsStream, foldEvents, headOf, type Loaded, loadFrom, readForFold, storedOf } from "./fold.ts";
import { originOf } from "./origin.ts";
import type { SourcedScope } from "./scope.ts";
import { copyOfValue, initialValue } from "./snapshot-text.ts";
import { countTail, mayWriteSnapshot, snapshotOrRelief, tailOf } from "./snapshots.ts";
import type { AppendEventsOptions, DecidedEvents, EventSourcedView } from "./types.ts";
import { getSourced, viewOfAppended, viewOfLoaded, viewOfNew } from "./views.ts";

type DecideFn = (value: unknown, view: EventSourcedView<unknown>) => unknown;

type Attempt = {
  readonly target: SourcedTarget;
  readonly fn: DecideFn;
  readonly options: AppendEventsOptions;
  readonly commitId: CommitId | undefined;
};

/** Throws `NOT_FOUND`, `CONFLICT` (with `expectedPosition` only), `CONTENTION`, or whatever the function throws. */
export async function decideEvents(
  scope: SourcedScope,
  target: SourcedTarget,
  fn: DecideFn,
  options: AppendEventsOptions,
): Promise<DecidedEvents<unknown>> {
  checkAppendEvents("decide", options);
  if (typeof fn !== "function") throw invalid("decide needs a function of the value");
  const { idempotency, expectedPosition, signal } = options;
  const operation = { ...target.key, name: "decide" };
  const commitId = commitIdIn(scope.engine, operation, idempotency, () => ({ expectedPosition }));
  const attempt: Attempt = { target, fn, options, commitId };
  return await scope.engine.alone(scope.addressOf(target.key), target.key, signal, () => persist(scope, attempt));
}

async function persist(scope: SourcedScope, attempt: Attempt): Promise<DecidedEvents<unknown>> {
  const { target, options } = attempt;
  const { expectedPosition, signal } = options;
  return await persistently<DecidedEvents<unknown>>(scope, target.key, {
    signal,
    conflict:
      expectedPosition === undefined
        ? undefined
        : ({ actual = 0 }) => positionConflict(scope, expectedPosition, actual),
    attempt: (waited) => decideOnce(scope, attempt, waited),
  });
}

async function decideOnce(
  scope: SourcedScope,
  attempt: Attempt,
  waited: boolean,
): Promise<DecidedEvents<unknown> | Overtaken> {
  const { target, fn, options, commitId } = attempt;
  const { signal, expectedPosition, agent } = options;
  const { key, createAs } = target;
  const answer = await readForFold(scope, key, commitId?.id, signal);
  if (answer.outcome !== undefined && commitId !== undefined) {
    checkSameIntent(commitId, answer.outcome);
    return await replayed(scope, target, commitId, answer.outcome, options);
  }
  const loaded = await loadFrom(scope, key, answer, signal);
  if (loaded === undefined && createAs === undefined) throw notFound();
  const head = loaded === undefined ? 0 : headOf(loaded.record);
  if (expectedPosition !== undefined && expectedPosition !== head) {
    throw positionConflict(scope, expectedPosition, head);
  }

  if (!waited && loaded !== undefined && (await scope.engine.updateLeases.inUse(scope, loaded.record, signal))) {
    return { overtaken: "leased" };
  }

  const value = loaded === undefined ? await initialValue(scope.kind) : loaded.folded.value;
  // What the function is given is its own: the value it decides on goes on into the fold.
  const given = await copyOfValue(scope.kind, value);
  const view = loaded === undefined ? viewOfNew(key, given, answer.at) : viewOfLoaded(loaded, given);
  const decision = await fn(given, view);
  const events = isNothing(decision) ? [] : eventsGiven(decision);
  const texts = await encodeEvents(scope.kind, events, originOf(scope, agent));
  throwIfAborted(signal);
  if (texts.length === 0 && loaded !== undefined && commitId === undefined) {
    const expiresAt = await scope.slideAfterRead(loaded.record, loaded.readAt, signal);
    return { view: { ...view, expiresAt: dateOf(expiresAt) }, position: head, appended: 0, replayed: false };
  }

  const change = await changeOf(scope, target, loaded, texts, signal);
  const step = isRemembered(scope.engine, commitId)
    ? remembering(scope.engine, commitId, stepOf(scope, { value, position: head }, loaded?.record, texts))
    : [];
  // Tried out first: an event that the value cannot take must not get into the log.
  await foldEvents(
    scope.kind,
    { value: await copyOfValue(scope.kind, value), position: head },
    storedOf(texts, head, answer.at),
  );
  const quota = loaded === undefined ? scope.engine.creationQuota(scope.kind) : scope.engine.growthQuota;
  scope.engine.conflicts.tried();
  const fence = fenceOf(options.fence);
  const committed = await scope.engine.commit(scope.owner, [change, ...step], { commitId, fence, quota, signal });
  if (!committed.ok) return await overtakenBy(scope, target, committed, signal);
  const result = firstResult(committed);
  // Another process made the same decision between the look-up and the commit.
  if (committed.replayed) return await replayed(scope, target, commitId, committed, options);
  const after = await foldEvents(scope.kind, { value, position: head }, storedOf(texts, head, committed.at));
  const position = head + texts.length;
  return {
    view: viewOfAppended(key, loaded?.record, result, committed.at, { value: after.value, position }),
    position,
    appended: texts.length,
    replayed: false,
  };
}

/** Somebody else has appended, or made or ended the record; anything else is no reason to try again. */
async function overtakenBy(
  scope: SourcedScope,
  { key, createAs }: SourcedTarget,
  lost: Extract<Committed, { readonly ok: false }>,
  signal: AbortSignal | undefined,
): Promise<Overtaken> {
  const { refusal } = lost;
  if (refusal.reason === "position") return { overtaken: "version", actual: refusal.actual };
  if (refusal.reason !== "version") throw appendError(scope, lost);
  const { record } = await scope.engine.read(scope.owner, key, { signal });
  if (record === undefined && createAs === undefined) throw notFound();
  return { overtaken: "version", actual: record === undefined ? 0 : headOf(record) };
}

function isNothing(decision: unknown): boolean {
  return decision === undefined || decision === null || (Array.isArray(decision) && decision.length === 0);
}

async function changeOf(
  scope: SourcedScope,
  { key, createAs }: SourcedTarget,
  loaded: Loaded | undefined,
  texts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Change> {
  const { kind, id } = key;
  const counters = [countTail(texts.length)];
  if (loaded === undefined) {
    const create = await creationOf(scope, createAs?.name);
    return { kind, id, expect: "absent", create, counters, appends: [appendOf(texts, 0)] };
  }
  const { record } = loaded;
  const appends = [appendOf(texts, headOf(record))];
  const due = tailOf(record) + texts.length > scope.kind.sourcing.snapshotEvery;
  if (!due || texts.length === 0 || !mayWriteSnapshot(scope, record)) {
    // At this version: a later record of its name may be as long, and its history is another.
    return { kind, id, expect: record.version, counters, appends, slide: true };
  }
  const parts = await snapshotOrRelief(scope, loaded, texts, signal);
  if (parts === undefined) return { kind, id, expect: record.version, counters, appends, slide: true };
  const { document, tailBy, bases, trims } = parts;
  return {
    kind,
    id,
    expect: record.version,
    document,
    counters: [countTail(tailBy + texts.length)],
    appends: [...appends, ...bases],
    trims,
    slide: true,
  };
}

async function replayed(
  scope: SourcedScope,
  target: SourcedTarget,
  commitId: CommitId | undefined,
  outcome: Pick<CommitOutcome, "at" | "results">,
  { signal }: AppendEventsOptions,
): Promise<DecidedEvents<unknown>> {
  const { engine, owner } = scope;
  const { key } = target;
  const again = await answeredAgain(scope, key, outcome, await rememberedStep(engine, owner, commitId, signal));
  const view = again?.view ?? (await getSourced(scope, { key }, { ...(signal && { signal }) }));
  const position = firstResult(outcome).heads.get(eventsStream) ?? 0;
  return { view, position, appended: again?.appended ?? 0, replayed: true };
}

function dateOf(at: number | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at);
}

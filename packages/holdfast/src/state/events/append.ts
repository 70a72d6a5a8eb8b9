/**
 * Appends that read nothing, and yet keep the newest snapshot near.
 *
 *     append, counting the tail, if that stays within `snapshotEvery` ──> done
 *        │ refused: a snapshot is due
 *     read and fold ──> append, with a snapshot of what was read, if no other snapshot came between ──> done
 *        │ refused: another one wrote it, so there is room again
 *        └──> from the beginning; after a few rounds without asking how long the tail is: an append never fails for it
 *
 * The snapshot need not contain the events of its own commit, so it expects nothing of the stream: only the document's
 * version, which nobody but another snapshot changes.
 */

import type { Append, Change } from "../../record/change.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Position, RecordKey } from "../../record/record.ts";
import type { CommitOptions, Committed } from "../../store/contract.ts";
import { type Applied, firstResult } from "../applied.ts";
import { commitIdIn } from "../idempotency.ts";
import { fenceOf } from "../leases/locks.ts";
import { checkAppendEvents } from "../method-options.ts";
import { remembered } from "../operations.ts";
import { notFound, refusalError } from "../refusals.ts";
import { encodeEvents, eventsGiven } from "./codec.ts";
import { creationOf } from "./creation.ts";
import { eventsStream, headOf, loadFrom, readForFold } from "./fold.ts";
import { originOf } from "./origin.ts";
import type { SourcedScope } from "./scope.ts";
import { countTail, mayWriteSnapshot, snapshotOrRelief } from "./snapshots.ts";
import type { AppendEventsOptions, AppendedEvents } from "./types.ts";

export type SourcedTarget = {
  readonly key: RecordKey;
  /** The record is made where it is not there yet; under this name, if it has one. */
  readonly createAs?: { readonly name?: string | undefined } | undefined;
};

/** Rounds in which others may write the snapshot that was due, before the append goes without one. */
const maxRounds = 4;

type Attempt = {
  readonly target: SourcedTarget;
  readonly texts: readonly string[];
  readonly expectedPosition: Position | undefined;
  readonly options: CommitOptions;
};

export async function appendEvents(
  scope: SourcedScope,
  target: SourcedTarget,
  given: unknown,
  options: AppendEventsOptions,
): Promise<AppendedEvents> {
  checkAppendEvents("append", options);
  const events = eventsGiven(given);
  const { expectedPosition, idempotency, signal, agent } = options;
  const operation = { ...target.key, name: "append" };
  const commitId = commitIdIn(scope.engine, operation, idempotency, () => ({ events, expectedPosition }));
  const texts = await encodeEvents(scope.kind, events, originOf(scope, agent));
  const attempt: Attempt = {
    target,
    texts,
    expectedPosition,
    options: { commitId, fence: fenceOf(options.fence), signal },
  };
  return appendedOf(await settle(scope, attempt), texts.length);
}

function appendedOf(applied: Applied, count: number): AppendedEvents {
  const result = firstResult(applied);
  const position = remembered(result.heads, eventsStream);
  return { first: position - count + 1, position, version: result.version, replayed: applied.replayed };
}

async function settle(scope: SourcedScope, attempt: Attempt): Promise<Applied> {
  const { snapshotEvery } = scope.kind.sourcing;
  const fits = attempt.texts.length <= snapshotEvery;
  for (let round = 1; round <= maxRounds; round++) {
    const blind = fits ? await appendWithin(scope, attempt, snapshotEvery) : undefined;
    if (blind?.ok === true) return blind;
    if (blind !== undefined && blind.refusal.reason !== "bounds") throw appendError(scope, blind);
    const snapshotted = await queued(scope, attempt, () => appendWithSnapshot(scope, attempt));
    if (snapshotted === undefined) break;
    if (snapshotted.ok) return snapshotted;
    // What may have come between is another snapshot, or events where none could be written.
    const { reason } = snapshotted.refusal;
    const isOvertaken = reason === "version" || (reason === "position" && attempt.expectedPosition === undefined);
    if (!isOvertaken) throw appendError(scope, snapshotted);
  }
  const committed = await appendWithin(scope, attempt, undefined);
  if (committed.ok) return committed;
  throw appendError(scope, committed);
}

/** Those of this process take turns, so that one of them folds and the others find room. */
function queued<Result>(scope: SourcedScope, { target, options }: Attempt, fn: () => Promise<Result>): Promise<Result> {
  const { engine } = scope;
  const { key } = target;
  return engine.alone(scope.addressOf(key), key, options.signal, () => engine.updateLeases.carry(scope, key, fn));
}

/** Appends if the tail stays within a length; whatever it is where none is given. */
async function appendWithin(
  scope: SourcedScope,
  { target, texts, expectedPosition, options }: Attempt,
  maxTail: number | undefined,
): Promise<Committed> {
  const { key, createAs } = target;
  const { engine } = scope;
  const change: Change = {
    kind: key.kind,
    id: key.id,
    expect: createAs === undefined ? "present" : "any",
    create: createAs === undefined ? undefined : await creationOf(scope, createAs.name),
    counters: [countTail(texts.length, maxTail)],
    appends: [appendOf(texts, expectedPosition)],
    slide: true,
  };
  const quota = createAs === undefined ? engine.growthQuota : engine.creationQuota(scope.kind);
  return await engine.commit(scope.owner, [change], { ...options, quota });
}

export function appendOf(data: readonly string[], expectedHead: Position | undefined): Append {
  return { stream: eventsStream, data, expectedHead };
}

/** Undefined where no snapshot can be written: the record is not there yet, or its snapshot is of a newer program. */
async function appendWithSnapshot(
  scope: SourcedScope,
  { target, texts, expectedPosition, options }: Attempt,
): Promise<Committed | undefined> {
  const { key, createAs } = target;
  const answer = await readForFold(scope, key, undefined, options.signal);
  // Looked at before anything is folded: an older program would fold all there is for nothing, or could not.
  if (answer.record !== undefined && !mayWriteSnapshot(scope, answer.record)) return undefined;
  const loaded = await loadFrom(scope, key, answer, options.signal);
  if (loaded === undefined) {
    if (createAs === undefined) throw notFound();
    return undefined;
  }
  const { record } = loaded;
  // Read anew meanwhile, it may be another.
  if (!mayWriteSnapshot(scope, record)) return undefined;
  if (expectedPosition !== undefined && expectedPosition !== headOf(record)) {
    // Said by the commit as well, but a commit that is bound to fail need not carry a snapshot.
    if (options.commitId === undefined) throw positionConflict(scope, expectedPosition, headOf(record));
  }
  const parts = await snapshotOrRelief(scope, loaded, texts, options.signal);
  const { document, tailBy = 0, bases = [], trims } = parts ?? {};
  // Without a snapshot it was the fold up to here that said the events may come.
  const expectedHead = parts === undefined ? headOf(record) : expectedPosition;
  const change: Change = {
    kind: key.kind,
    id: key.id,
    expect: record.version,
    document,
    counters: [countTail(tailBy + texts.length)],
    appends: [appendOf(texts, expectedHead), ...bases],
    trims,
    slide: true,
  };
  return await scope.engine.commit(scope.owner, [change], { ...options, quota: scope.engine.growthQuota });
}

export function positionConflict({ kind }: SourcedScope, expected: Position, actual: Position): HoldfastError {
  return new HoldfastError(
    "CONFLICT",
    `the ${kind.name} stands at position ${actual}, not at ${expected}; read it again and decide anew`,
    { details: { expected, actual } },
  );
}

/** Why an append was refused, in the words of a kind that has but one stream. */
export function appendError(
  scope: SourcedScope,
  { refusal }: Extract<Committed, { readonly ok: false }>,
): HoldfastError {
  return refusal.reason === "position"
    ? positionConflict(scope, refusal.expected, refusal.actual)
    : refusalError(refusal);
}

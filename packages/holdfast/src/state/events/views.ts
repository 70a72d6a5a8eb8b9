import type { ChangeResult } from "../../record/change.ts";
import type { Position, RecordKey, RecordSummary } from "../../record/record.ts";
import { firstResult } from "../applied.ts";
import { checkCall } from "../method-options.ts";
import { contention, notFound } from "../refusals.ts";
import type { CallOptions, ListedRecord } from "../types.ts";
import { listedOf, type ReadRecord, viewAfter, viewOf, viewOfCreated } from "../views.ts";
import type { SourcedTarget } from "./append.ts";
import { creationOf } from "./creation.ts";
import { eventsStream, type Folded, type Loaded, load } from "./fold.ts";
import type { SourcedScope } from "./scope.ts";
import { initialValue } from "./snapshot-text.ts";
import { mayWriteSnapshot, snapshotChange, snapshotParts } from "./snapshots.ts";
import type { EventSourcedView, ListedEventSourced } from "./types.ts";

const maxRounds = 8;
/** The counters and streams of these records are the engine's; to the caller there are events, and they have one position. */
const noCounters: ReadonlyMap<string, number> = new Map();

/** The record as it is, made first if the target says so. */
export async function getSourced(
  scope: SourcedScope,
  { key, createAs }: SourcedTarget,
  options: CallOptions,
): Promise<EventSourcedView<unknown>> {
  checkCall("get", options);
  const { signal } = options;
  for (let round = 1; ; round++) {
    const loaded = await load(scope, key, signal);
    if (loaded !== undefined) return await viewed(scope, loaded, signal);
    if (createAs === undefined) throw notFound();
    const made = await make(scope, key, createAs.name, signal);
    if (made !== undefined) return made;
    if (round >= maxRounds) throw contention("others make and end this record all the while", { rounds: round });
  }
}

async function viewed(
  scope: SourcedScope,
  loaded: Loaded,
  signal: AbortSignal | undefined,
): Promise<EventSourcedView<unknown>> {
  if (loaded.rebuilt) await keepRebuilt(scope, loaded, signal);
  const { record } = loaded;
  const expiresAt = await scope.slideAfterRead(record, loaded.readAt, signal);
  return viewOfLoaded({ ...loaded, record: { ...record, expiresAt } }, loaded.folded.value);
}

/** So that the next reader need not fold it all again. Whatever hinders that hinders no reading. */
async function keepRebuilt(scope: SourcedScope, loaded: Loaded, signal: AbortSignal | undefined): Promise<void> {
  if (!mayWriteSnapshot(scope, loaded.record)) return;
  try {
    const change = snapshotChange(loaded.record, await snapshotParts(scope, loaded, 0, signal));
    await scope.engine.commit(scope.owner, [change], { quota: scope.engine.growthQuota, signal });
  } catch (error) {
    scope.engine.onError(error);
  }
}

async function make(
  scope: SourcedScope,
  key: RecordKey,
  name: string | undefined,
  signal: AbortSignal | undefined,
): Promise<EventSourcedView<unknown> | undefined> {
  const create = await creationOf(scope, name);
  const applied = await scope.engine.apply(scope.owner, [{ ...key, expect: "any", create, slide: true }], {
    quota: scope.engine.creationQuota(scope.kind),
    signal,
  });
  const result = firstResult(applied);
  if (!result.created) return undefined;
  const folded = { value: await initialValue(scope.kind), position: 0 };
  return viewOfAppended(key, undefined, result, applied.at, folded);
}

export function viewOfLoaded({ record, folded }: Loaded, value: unknown): EventSourcedView<unknown> {
  return withPosition(viewOf(record, value), folded.position);
}

/** What a decision about a record that is not there yet is shown. */
export function viewOfNew(key: RecordKey, value: unknown, at: number): EventSourcedView<unknown> {
  const nothing: ChangeResult = { version: 0, incarnation: 0, created: false, counters: noCounters, heads: new Map() };
  return withPosition(viewOfCreated(key, nothing, at, value), 0);
}

/** The record after a commit that was based on what was read, or that made it. */
export function viewOfAppended(
  key: RecordKey,
  read: ReadRecord | undefined,
  result: ChangeResult,
  at: number,
  { value, position }: Folded,
): EventSourcedView<unknown> {
  const view = read === undefined ? viewOfCreated(key, result, at, value) : viewAfter(read, result, at, value);
  return withPosition(view, position);
}

function withPosition(view: ReturnType<typeof viewOf<unknown>>, position: Position): EventSourcedView<unknown> {
  return { ...view, counters: noCounters, heads: new Map([[eventsStream, position]]), position };
}

export function listedSourced(record: RecordSummary): ListedEventSourced {
  const { counters: _counters, heads, ...listed }: ListedRecord = listedOf(record);
  return { ...listed, position: heads.get(eventsStream) ?? 0 };
}

/** What can be done to one record, whatever face names it. */

import type { ChangeResult } from "../record/change.ts";
import { HoldfastError } from "../record/errors.ts";
import type { StreamHead, Version } from "../record/record.ts";
import { type Applied, firstResult } from "./applied.ts";
import { commitIdIn } from "./idempotency.ts";
import { jsonText, parseStored } from "./json.ts";
import { fenceOf } from "./leases/locks.ts";
import { mergePatch } from "./merge-patch.ts";
import { checkAppend, checkConditional, checkEvents, checkIncrement } from "./method-options.ts";
import { invalid, notFound } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import { changeBlindly, type Target } from "./target.ts";
import { appendOf, counterOf, eventText } from "./transaction.ts";
import type {
  Appended,
  AppendOptions,
  ConditionalOptions,
  EventsQuery,
  EventsResult,
  Incremented,
  IncrementOptions,
  RecordView,
  Transaction,
} from "./types.ts";
import { update, viewOfUpdated } from "./update.ts";

export async function updateRecord(
  scope: Scope,
  target: Target,
  fn: (draft: unknown, tx: Transaction) => unknown,
  options: ConditionalOptions,
): Promise<RecordView<unknown>> {
  checkConditional("update", options);
  if (typeof fn !== "function") throw invalid("update needs a function of the draft");
  const { key, createAs } = target;
  const defaultIntent = { ifVersion: options.ifVersion };
  return viewOfUpdated(await update(scope, { key, createAs, operation: "update", fn, options, defaultIntent }));
}

export async function patchRecord(
  scope: Scope,
  target: Target,
  partial: unknown,
  options: ConditionalOptions,
): Promise<RecordView<unknown>> {
  checkConditional("patch", options);
  // Bounds depth and size before anything is merged, and refuses what is not JSON.
  jsonText(partial, "the patch", scope.kind.maxDocumentBytes);
  const fn = (draft: unknown): unknown => mergePatch(draft, partial);
  const { key, createAs } = target;
  const defaultIntent = { partial, ifVersion: options.ifVersion };
  return viewOfUpdated(await update(scope, { key, createAs, operation: "patch", fn, options, defaultIntent }));
}

export async function incrementCounter(
  scope: Scope,
  target: Target,
  counter: string,
  by: number,
  options: IncrementOptions,
): Promise<Incremented> {
  checkIncrement("increment", options);
  const { min, max, append } = options;
  checkBounds({ by, min, max });
  const { kind } = scope;
  const appends = append && [appendOf(kind, append.stream, [eventText(kind, append.event)])];
  const applied = await changeBlindly(
    scope,
    target,
    { counters: [counterOf(counter, by, options)], appends },
    options,
    {
      name: "increment",
      intent: () => ({ counter, by, min, max, append }),
    },
  );
  const { version, counters, heads } = firstResult(applied);
  return {
    version,
    replayed: applied.replayed,
    value: remembered(counters, counter),
    ...(append !== undefined && { position: remembered(heads, append.stream) }),
  };
}

function checkBounds(given: Readonly<Record<string, number | undefined>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !Number.isSafeInteger(value))
      throw invalid(`${name} is a safe integer, not ${String(value)}`);
  }
}

export async function appendEvent(
  scope: Scope,
  target: Target,
  stream: string,
  event: unknown,
  options: AppendOptions,
): Promise<Appended> {
  checkAppend("append", options);
  const data = eventText(scope.kind, event);
  const { expectedHead } = options;
  const applied = await changeBlindly(
    scope,
    target,
    { appends: [appendOf(scope.kind, stream, [data], expectedHead)] },
    options,
    { name: "append", intent: () => ({ stream, event, expectedHead }) },
  );
  return appendedOf(applied, stream);
}

export function appendedOf(applied: Applied, stream: string): Appended {
  const result: ChangeResult = firstResult(applied);
  return { version: result.version, replayed: applied.replayed, position: remembered(result.heads, stream) };
}

/** What a commit says about something it named. */
export function remembered(values: ReadonlyMap<string, number>, name: string): number {
  const value = values.get(name);
  if (value === undefined) throw new Error(`the store said nothing about "${name}", which the commit named`);
  return value;
}

const defaultLimit = 100;
const maxLimit = 1_000;
/** UTF-8 bytes after which a page of events ends, however many events that are. */
export const maxPageBytes = 4_194_304;

export async function readEvents(
  scope: Scope,
  { key, createAs }: Target,
  stream: string,
  query: EventsQuery,
): Promise<EventsResult> {
  checkEvents("events", query);
  const { after, before, limit = defaultLimit, order = "oldest", replica, signal } = query;
  checkLimit(limit);
  const { engine, owner, kind } = scope;
  const options = { after, before, limit, order, maxBytes: maxPageBytes, replica, signal };
  const [page, found] = await Promise.all([
    engine.events(owner, key, stream, options),
    // A page says nothing about expiry, and reading it keeps the record alive.
    kind.lifetime.idleMs === undefined ? undefined : engine.read(owner, key, { replica, signal }),
  ]);
  // A replica may still have the record that was there before.
  const isOfAnother = query.incarnation !== undefined && query.incarnation !== page?.incarnation;
  if (replica === true && isOfAnother) {
    return await readEvents(scope, { key, createAs }, stream, { ...query, replica: false });
  }
  if (page === undefined) {
    if (createAs === undefined) throw notFound();
    // A record that is made on first use has no events before it.
    checkCursor(query, { head: 0, first: 1 }, stream);
    return { events: [], head: 0, first: 1, more: false };
  }
  if (found?.record !== undefined) await scope.slideAfterRead(found.record, found.at, signal);
  checkCursor(query, page, stream);
  const events = page.events.map(({ position, at, data }) => {
    return { position, at: new Date(at), payload: parseStored(data, `event ${position} of stream "${stream}"`) };
  });
  return { events, head: page.head, first: page.first, more: page.more, incarnation: page.incarnation };
}

type Standing = StreamHead & { readonly incarnation?: Version };

/**
 * A cursor from before what is retained, or from a record that has ended since and was begun anew, would skip events
 * without a word: an error instead.
 */
export function checkCursor({ after, incarnation }: EventsQuery, standing: Standing, stream: string): void {
  const { head, first } = standing;
  const isOfAnother = incarnation !== undefined && incarnation !== standing.incarnation;
  if (isOfAnother || (after !== undefined && after > head)) {
    throw new HoldfastError(
      "REPLAY_WINDOW_EXCEEDED",
      `stream "${stream}" stands at ${head}, and the cursor is of another record, perhaps an earlier one of this name; read without "after" and "incarnation"`,
      { details: { stream, after, head } },
    );
  }
  if (after === undefined || after >= first - 1) return;
  throw new HoldfastError(
    "REPLAY_WINDOW_EXCEEDED",
    `events of stream "${stream}" up to position ${first - 1} are no longer retained; read from ${first - 1} on, or without "after"`,
    { details: { stream, after, first } },
  );
}

function checkLimit(limit: number): void {
  if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= maxLimit)) {
    throw invalid(`limit is a whole number from 1 to ${maxLimit}, not ${String(limit)}`);
  }
}

export async function destroyRecord(scope: Scope, target: Target, options: ConditionalOptions): Promise<boolean> {
  checkConditional("destroy", options);
  const { ifVersion, idempotency, fence, signal } = options;
  const { key } = target;
  const commitId = commitIdIn(scope.engine, { ...key, name: "destroy" }, idempotency, () => ({ ifVersion }));
  return await scope.end(key, ifVersion ?? "present", { commitId, fence: fenceOf(fence), signal });
}

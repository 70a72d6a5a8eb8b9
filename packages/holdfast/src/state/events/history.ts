import type { Position, RecordKey, StoredEvent } from "../../record/record.ts";
import { checkCall, checkHistory } from "../method-options.ts";
import { checkCursor, maxPageBytes } from "../operations.ts";
import { invalid, notFound } from "../refusals.ts";
import type { CallOptions } from "../types.ts";
import type { SourcedTarget } from "./append.ts";
import { decodeEvent, parseEvent } from "./codec.ts";
import { eventsStream, type Folded, foldFromBase, foldTo, headOf, load, outOfReach } from "./fold.ts";
import type { SourcedScope } from "./scope.ts";
import { initialValue } from "./snapshot-text.ts";
import type { AnyEvent, HistoryPage, HistoryQuery, PastValue } from "./types.ts";

const defaultLimit = 100;
const maxLimit = 1_000;
/** Events one call looks at, however few of them it was asked for. */
const maxLookedAt = 10_000;
/** And how much of them, in characters: large ones are few. */
const maxLookedAtLength = 33_554_432;

/** What happened, filtered, a page at a time. */
export async function readHistory(
  scope: SourcedScope,
  { key, createAs }: SourcedTarget,
  query: HistoryQuery,
): Promise<HistoryPage<AnyEvent>> {
  checkHistory("history", query);
  const { after, limit = defaultLimit, order = "oldest", signal } = query;
  if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= maxLimit)) {
    throw invalid(`limit is a whole number from 1 to ${maxLimit}, not ${String(limit)}`);
  }
  if (order !== "oldest" && order !== "newest") throw invalid('order is "oldest" or "newest"');
  const wanted = filterOf(query);
  const events: AnyEvent[] = [];
  let cursor: Position | undefined;
  let { incarnation } = query;
  for (let lookedAt = 0, length = 0; ; ) {
    const range =
      order === "oldest" ? { after: cursor ?? after, before: query.before } : { after, before: cursor ?? query.before };
    const page = await scope.engine.events(scope.owner, key, eventsStream, {
      ...range,
      limit: pageLimit(query, limit - events.length),
      maxBytes: maxPageBytes,
      order,
      signal,
    });
    if (page === undefined) {
      if (createAs === undefined || cursor !== undefined) throw notFound();
      checkCursor({ ...(after !== undefined && { after }), incarnation }, { head: 0, first: 1 }, eventsStream);
      return { events, position: 0, first: 1 };
    }
    if (lookedAt === 0) await slide(scope, key, signal);
    const cursorAfter = order === "oldest" ? range.after : after;
    checkCursor({ ...(cursorAfter !== undefined && { after: cursorAfter }), incarnation }, page, eventsStream);
    // What is read in the next round is of the same record, or none of its business.
    incarnation = page.incarnation;
    for (const stored of page.events) {
      length += stored.data.length;
      const event = await wanted(scope, stored);
      cursor = stored.position;
      if (event !== undefined) events.push(event);
      if (events.length === limit) break;
    }
    lookedAt += page.events.length;
    const isLast = !page.more && cursor === (page.events.at(-1)?.position ?? cursor);
    const done = isLast || events.length === limit || lookedAt >= maxLookedAt || length >= maxLookedAtLength;
    if (!done) continue;
    const { head: position, first } = page;
    return { events, position, first, ...(!isLast && cursor !== undefined && { next: cursor }), incarnation };
  }
}

/** A page says nothing about expiry, and reading it keeps the record alive. */
async function slide(scope: SourcedScope, key: RecordKey, signal: AbortSignal | undefined): Promise<void> {
  if (scope.kind.lifetime.idleMs === undefined) return;
  const { record, at } = await scope.engine.read(scope.owner, key, { signal });
  if (record !== undefined) await scope.slideAfterRead(record, at, signal);
}

/** Without a filter what is read is what is answered. */
function pageLimit({ type, agent, client, tool, call, since, until }: HistoryQuery, missing: number): number {
  const isFiltered = [type, agent, client, tool, call, since, until].some((part) => part !== undefined);
  return isFiltered ? maxLimit : missing;
}

type Filter = (scope: SourcedScope, stored: StoredEvent) => Promise<AnyEvent | undefined>;

/** What can be told from the outside is told first; an event of an older program shows its type once it is brought up to date. */
function filterOf({ type, agent, client, tool, call, since, until }: HistoryQuery): Filter {
  const types = type === undefined ? undefined : new Set<string>(typeof type === "string" ? [type] : type);
  const sinceAt = momentOf("since", since);
  const untilAt = momentOf("until", until);
  const by = Object.entries({ agent, client, tool, call }).filter(([, wanted]) => wanted !== undefined);
  return async ({ kind }, stored) => {
    if (stored.at < (sinceAt ?? stored.at) || stored.at > (untilAt ?? stored.at)) return undefined;
    const written = parseEvent(stored);
    // Names of an object are its string keys.
    const origin = (written.by ?? {}) as Readonly<Record<string, unknown>>;
    if (by.some(([part, wanted]) => origin[part] !== wanted)) return undefined;
    const event = await decodeEvent(kind, stored, written);
    return types === undefined || types.has(event.type) ? event : undefined;
  };
}

function momentOf(what: string, moment: Date | undefined): number | undefined {
  if (moment === undefined) return undefined;
  const at = moment instanceof Date ? moment.getTime() : Number.NaN;
  if (Number.isNaN(at)) throw invalid(`${what} is a valid Date`);
  return at;
}

/** The value as it was. */
export async function valueAt(
  scope: SourcedScope,
  { key, createAs }: SourcedTarget,
  when: Position | Date,
  options: CallOptions,
): Promise<PastValue<unknown>> {
  checkCall("at", options);
  const { signal } = options;
  const loaded = await load(scope, key, signal);
  if (loaded === undefined) {
    if (createAs === undefined) throw notFound();
    if (when !== 0) throw invalid(`the ${scope.kind.name} has no events yet; ask for position 0`);
    return { value: await initialValue(scope.kind), position: 0 };
  }
  const { record, folded } = loaded;
  if (when instanceof Date) {
    const momentAt = momentOf("a moment", when) ?? 0;
    if (momentAt < record.createdAt) throw invalid(`the ${scope.kind.name} was not there yet at that moment`);
    return await pastOf(
      scope,
      key,
      await foldFromBase(scope, key, { through: folded.position, momentAt }, signal),
      signal,
    );
  }
  const head = headOf(record);
  if (!(Number.isSafeInteger(when) && when >= 0 && when <= head)) {
    throw invalid(`a position is a whole number from 0 to ${head}, the newest event, not ${String(when)}`);
  }
  if (when === folded.position) return await pastOf(scope, key, folded, signal);
  const { first = 1 } = record.streams.get(eventsStream) ?? {};
  if (when < first - 1) throw outOfReach();
  return await pastOf(scope, key, await foldTo(scope, loaded, when, signal), signal);
}

async function pastOf(
  scope: SourcedScope,
  key: RecordKey,
  { value, position, at }: Folded,
  signal: AbortSignal | undefined,
): Promise<PastValue<unknown>> {
  const happenedAt = at ?? (await timeOf(scope, key, position, signal));
  return { value, position, ...(happenedAt !== undefined && { at: new Date(happenedAt) }) };
}

/** A snapshot does not say when its newest event happened; the log does, as long as it has it. */
async function timeOf(
  scope: SourcedScope,
  key: RecordKey,
  position: Position,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  if (position === 0) return undefined;
  const range = { after: position - 1, before: position + 1, limit: 1, signal };
  return (await scope.engine.events(scope.owner, key, eventsStream, range))?.events[0]?.at;
}

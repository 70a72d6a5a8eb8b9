/** From the decision about one change to the entry that follows from it. Reads, writes nothing. */
import type { Change } from "../../record/change.ts";
import type { Effect, RecordState } from "../../record/decide.ts";
import { isLive } from "../../record/expiry.ts";
import type { StreamHead } from "../../record/record.ts";
import { bytesOf, type Entry, eventCountOf, maxInlineBytes, settledHead, type TailEvent, tailEvent } from "./entry.ts";
import { settledRange } from "./runs.ts";
import type { Statements } from "./statements.ts";
import type { Draft } from "./transaction.ts";

/** Events of the events table that are over: those of one stream up to and including a position. */
export type SettledTrim = {
  readonly stream: number;
  readonly through: number;
  /** The newest of them that ends a run, so that the rows up to it can go; 0 if none does. */
  readonly wholeThrough: number;
};

export type Planned = {
  readonly change: Change;
  readonly standing: Draft | undefined;
  readonly effect: Effect;
  readonly entry: Entry;
  readonly settledTrims: readonly SettledTrim[];
  /** What this adds to the owner's counts. */
  readonly bytes: number;
  readonly events: number;
};

export function plan(
  statements: Statements,
  change: Change,
  standing: Draft | undefined,
  effect: Effect,
  now: number,
): Planned {
  const before = standing?.entry;
  const kept = effect.result.created ? undefined : before;
  const moved = moveEvents(statements, kept, effect, now);
  const live = isLive(effect.next, now);
  const entry = effect.drop
    ? emptied(detached(effect.next, before?.state), kept?.row ?? 0)
    : {
        row: kept?.row ?? 0,
        live,
        state: detached(effect.next, kept?.state),
        streamNumbers: moved.streamNumbers,
        eventBytes: moved.eventBytes,
        tail: moved.tail,
        apart: effect.next.documentBytes > maxInlineBytes,
        document: effect.document ?? kept?.document,
      };
  return {
    change,
    standing,
    effect,
    entry,
    settledTrims: moved.settledTrims,
    bytes: bytesOf(entry) - (before === undefined ? 0 : bytesOf(before)),
    events: eventCountOf(entry) - (before === undefined ? 0 : eventCountOf(before)),
  };
}

type Moved = Pick<Entry, "streamNumbers" | "eventBytes" | "tail"> & { readonly settledTrims: readonly SettledTrim[] };

function moveEvents(statements: Statements, kept: Entry | undefined, effect: Effect, now: number): Moved {
  const { appended, trimmed } = effect;
  let { tail, streamNumbers, eventBytes } = kept ?? {
    tail: [],
    streamNumbers: new Map<string, number>(),
    eventBytes: 0,
  };
  streamNumbers = numbered(streamNumbers, effect.next.streams);
  const settledTrims: SettledTrim[] = [];
  if (appended.length > 0) {
    const longer = tail.slice();
    for (const { stream, from, data } of appended) {
      const number = streamNumbers.get(stream) ?? 0;
      for (const [index, text] of data.entries()) {
        const event = tailEvent(number, from + index, now, text);
        eventBytes += event.bytes;
        longer.push(event);
      }
    }
    tail = longer;
  }
  for (const { stream: name, through } of trimmed) {
    const stream = streamNumbers.get(name) ?? 0;
    const settledThrough = kept === undefined ? 0 : Math.min(through, settledHead(kept, name));
    const first = kept?.state.streams.get(name)?.first ?? 1;
    if (kept !== undefined && kept.row !== 0 && settledThrough >= first) {
      const from = settledTrims.reduce(
        (most, trim) => (trim.stream === stream ? Math.max(most, trim.through + 1) : most),
        first,
      );
      const { bytes, wholeThrough } = settledRange(statements, kept.row, stream, from, settledThrough);
      eventBytes -= bytes;
      settledTrims.push({ stream, through: settledThrough, wholeThrough });
    }
    const goes = (event: TailEvent): boolean => event.stream === stream && event.position <= through;
    for (const event of tail) if (goes(event)) eventBytes -= event.bytes;
    tail = tail.filter((event) => !goes(event));
  }
  return { tail, streamNumbers, eventBytes, settledTrims };
}

/** Gives streams that have none a number: small in every key of the events table, and never reused in an incarnation. */
function numbered(
  standing: ReadonlyMap<string, number>,
  streams: ReadonlyMap<string, StreamHead>,
): ReadonlyMap<string, number> {
  if (standing.size === streams.size) return standing;
  const all = new Map(standing);
  for (const name of streams.keys()) if (!all.has(name)) all.set(name, all.size + 1);
  return all;
}

/** A tombstone: its version outlives its content. */
function emptied(state: RecordState, row: number): Entry {
  return {
    row,
    live: false,
    state,
    streamNumbers: new Map(),
    eventBytes: 0,
    tail: [],
    apart: false,
    document: "",
  };
}

/** The caller keeps its objects; what is cached must not change with them. */
function detached(state: RecordState, kept: RecordState | undefined): RecordState {
  if (state.fields === kept?.fields && state.lifetime === kept.lifetime) return state;
  return { ...state, fields: { ...state.fields }, lifetime: { ...state.lifetime } };
}

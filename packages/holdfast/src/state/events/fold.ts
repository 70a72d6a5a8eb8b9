/**
 * What the events of a record come to.
 *
 *     events   1 ········· base ···················· document ····· head
 *              (trimmed)    │ value at base           │ value at the document's position
 *
 * - The document is the newest snapshot; reading folds it with the events after its position.
 * - Where events were trimmed, the value they came to lies in the stream `holdfast.base`, so that every position from
 *   there on can still be told. Trimming never goes beyond the document's position.
 * - The counter `holdfast.tail` says how many events the document does not contain. It is how appends that read nothing
 *   find out, in the commit itself, that a snapshot is due.
 */
import { HoldfastError } from "../../record/errors.ts";
import type { Position, RecordKey, StoredEvent, StoredRecord } from "../../record/record.ts";
import type { ReadAnswer } from "../../store/contract.ts";
import { parseStored } from "../json.ts";
import { contention, notFound } from "../refusals.ts";
import { decodeEvent } from "./codec.ts";
import type { SourcedDefinition } from "./definition.ts";
import type { SourcedScope } from "./scope.ts";
import { initialValue, type Snapshot, snapshotValue, writtenSnapshotVersion } from "./snapshot-text.ts";

export const eventsStream = "events";
export const baseStream = "holdfast.base";
export const tailCounter = "holdfast.tail";

/** A value and the event it includes last. */
export type Folded = { readonly value: unknown; readonly position: Position; readonly at?: number | undefined };

export type Loaded = {
  readonly record: StoredRecord;
  /** The store's clock when it answered. */
  readonly readAt: number;
  readonly folded: Folded;
  /** Whether the document was of no use, so that everything was folded again. */
  readonly rebuilt: boolean;
};

/** Events read at a time; a kind's tail is never longer than one append and one snapshot's distance. */
const pageLimit = 2_000;
const pageBytes = 4_194_304;
const maxRounds = 8;

/** The record with the value all its events come to; undefined if there is none. */
export async function load(scope: SourcedScope, key: RecordKey, signal?: AbortSignal): Promise<Loaded | undefined> {
  return await loadFrom(scope, key, await readForFold(scope, key, undefined, signal), signal);
}

/** One consistent answer with what is needed to fold: the record, and the events its document does not contain. */
export async function readForFold(
  scope: SourcedScope,
  key: RecordKey,
  commitId: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ReadAnswer> {
  const tail = { stream: eventsStream, after: "document", limit: pageLimit, maxBytes: pageBytes } as const;
  return await scope.engine.read(scope.owner, key, { tails: [tail], commitId, signal });
}

/** As `load`, from an answer of `readForFold`. */
export async function loadFrom(
  scope: SourcedScope,
  key: RecordKey,
  answer: ReadAnswer,
  signal: AbortSignal | undefined,
): Promise<Loaded | undefined> {
  let read = answer;
  for (let round = 1; ; round++) {
    const { record, at } = read;
    if (record === undefined) return undefined;
    const snapshot = await snapshotValue(scope.kind, record.document, writtenSnapshotVersion(record.fields));
    const through = headOf(record);
    const folded =
      snapshot === undefined
        ? await tryFromBase(scope, key, { through }, signal)
        : await foldFromSnapshot(scope, record, snapshot.value, read.tails[0] ?? [], signal);
    if (typeof folded === "object") return { record, readAt: at, folded, rebuilt: snapshot === undefined };
    // Others have snapshotted and trimmed meanwhile.
    if (round >= maxRounds) throw restless(round);
    read = await readForFold(scope, key, undefined, signal);
  }
}

/** Where to stop: after a position, or before the first event later than a moment. */
export type Until = { readonly through?: Position; readonly momentAt?: number };

async function foldFromSnapshot(
  scope: SourcedScope,
  record: StoredRecord,
  value: unknown,
  tail: readonly StoredEvent[],
  signal: AbortSignal | undefined,
): Promise<Folded | Missed> {
  const near = await foldEvents(scope.kind, { value, position: record.documentPosition }, tail);
  const through = headOf(record);
  return near.position >= through ? near : await foldOn(scope, record, near, { through }, signal);
}

/** The value at a position, from the snapshot where that is before it. */
export async function foldTo(
  scope: SourcedScope,
  { record, rebuilt }: Pick<Loaded, "record" | "rebuilt">,
  through: Position,
  signal: AbortSignal | undefined,
): Promise<Folded> {
  if (!rebuilt && through >= record.documentPosition) {
    const snapshot = await snapshotValue(scope.kind, record.document, writtenSnapshotVersion(record.fields));
    if (snapshot !== undefined) {
      const start: Folded = { value: snapshot.value, position: record.documentPosition };
      const folded = await foldOn(scope, record, start, { through }, signal);
      if (typeof folded === "object") return folded;
    }
  }
  return await foldFromBase(scope, record, { through }, signal);
}

/** The value at a position from as far back as anything is known, the newest snapshot aside. */
export async function foldFromBase(
  scope: SourcedScope,
  key: RecordKey,
  until: Until,
  signal: AbortSignal | undefined,
): Promise<Folded> {
  for (let round = 1; ; round++) {
    const folded = await tryFromBase(scope, key, until, signal);
    if (typeof folded === "object") return folded;
    if (folded === "before-base") throw outOfReach();
    if (round >= maxRounds) throw restless(round);
  }
}

/** What a fold finds where others trim while it reads: the next events are gone, or even the base is beyond its end. */
type Missed = "trimmed" | "before-base";

/** As `foldFromBase`, but what was trimmed is an answer. */
export async function tryFromBase(
  scope: SourcedScope,
  key: RecordKey,
  until: Until,
  signal: AbortSignal | undefined,
): Promise<Folded | Missed> {
  const start = await baseOf(scope, key, signal);
  return isBefore(until, start) ? "before-base" : await foldOn(scope, key, start, until, signal);
}

function isBefore({ through, momentAt }: Until, { position, at }: Folded): boolean {
  if (through !== undefined && through < position) return true;
  return momentAt !== undefined && at !== undefined && momentAt < at;
}

async function baseOf(scope: SourcedScope, key: RecordKey, signal: AbortSignal | undefined): Promise<Folded> {
  const tail = { stream: baseStream, after: { last: 1 }, limit: 1 } as const;
  const { record, tails } = await scope.engine.read(scope.owner, key, { tails: [tail], signal });
  if (record === undefined) throw notFound();
  const [base] = tails[0] ?? [];
  if (base === undefined) return { value: await initialValue(scope.kind), position: 0 };
  // Written by `trimming`.
  const { position, at, version, value } = parseStored(base.data, "the base of a history") as Snapshot;
  const known = await snapshotValue(scope.kind, JSON.stringify(value), version);
  if (known !== undefined) return { value: known.value, position, at };
  const { name, sourcing } = scope.kind;
  throw new HoldfastError(
    "SCHEMA_MISMATCH",
    `the beginning of the history of a ${name} was trimmed, and what it came to was written by snapshot version ${version}, not ${sourcing.snapshotVersion}; ${version > sourcing.snapshotVersion ? "bring this program up to date" : "give the kind an upcastSnapshot"}`,
    { details: { kind: name, writtenBySnapshot: version, snapshotVersion: sourcing.snapshotVersion } },
  );
}

function restless(rounds: number): HoldfastError {
  return contention("the history was trimmed all the while it was read", { rounds });
}

async function foldOn(
  scope: SourcedScope,
  key: RecordKey,
  start: Folded,
  { through = Number.MAX_SAFE_INTEGER, momentAt }: Until,
  signal: AbortSignal | undefined,
): Promise<Folded | Missed> {
  let folded = start;
  while (folded.position < through) {
    const { position } = folded;
    const before = through === Number.MAX_SAFE_INTEGER ? undefined : through + 1;
    const page = await scope.engine.events(scope.owner, key, eventsStream, {
      after: position,
      before,
      limit: pageLimit,
      maxBytes: pageBytes,
      signal,
    });
    if (page === undefined) throw notFound();
    if (page.first > position + 1) return "trimmed";
    const due = momentAt === undefined ? page.events : upTo(page.events, momentAt);
    folded = await foldEvents(scope.kind, folded, due);
    if (!page.more || due.length < page.events.length) return folded;
  }
  return folded;
}

function upTo(events: readonly StoredEvent[], momentAt: number): readonly StoredEvent[] {
  const later = events.findIndex(({ at }) => at > momentAt);
  return later < 0 ? events : events.slice(0, later);
}

/** Events as the log has them once they are appended behind a position. */
export function storedOf(texts: readonly string[], position: Position, at: number): readonly StoredEvent[] {
  return texts.map((data, index) => ({ position: position + index + 1, at, data }));
}

/** Throws `SCHEMA_MISMATCH` for an event that cannot be read, or that `evolve` cannot take. */
export async function foldEvents(
  kind: SourcedDefinition,
  start: Folded,
  events: readonly StoredEvent[],
): Promise<Folded> {
  let folded = start;
  for (const stored of events) {
    const event = await decodeEvent(kind, stored);
    folded = { value: evolved(kind, folded.value, event), position: stored.position, at: stored.at };
  }
  return folded;
}

function evolved(
  { name, sourcing }: SourcedDefinition,
  value: unknown,
  event: Parameters<SourcedDefinition["sourcing"]["evolve"]>[1],
): unknown {
  try {
    const returned = sourcing.evolve(value, event);
    return returned === undefined ? value : returned;
  } catch (cause) {
    const { position, type } = event;
    throw new HoldfastError(
      "SCHEMA_MISMATCH",
      `the evolve of kind "${name}" failed at event ${position} ("${type}"); it has to take every event that was ever appended`,
      { cause, details: { kind: name, position, type } },
    );
  }
}

export function headOf(record: StoredRecord): Position {
  return record.streams.get(eventsStream)?.head ?? 0;
}

export function outOfReach(): HoldfastError {
  return new HoldfastError("REPLAY_WINDOW_EXCEEDED", "the history of that time is no longer kept; ask for a later one");
}

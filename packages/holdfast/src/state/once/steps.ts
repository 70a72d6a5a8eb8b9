/**
 * What operations of a call that counts once were answered, as far as the outcomes of their commit ids do not say it:
 * the documents of views. Each lies in the call's record, written by the very commit that it is the answer of, so that
 * a call which is run again after a crash sees what it saw the first time, whatever has become of the records since.
 */
import type { Change } from "../../record/change.ts";
import type { Owner, StoredRecord } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";
import type { CommitId } from "../../store/contract.ts";
import type { OnceScope } from "../call-context.ts";
import type { Engine } from "../engine.ts";
import { parseStored } from "../json.ts";
import type { ReadRecord } from "../views.ts";
import { callKey, callLifetime, stepsStream } from "./record.ts";

/** A document of more bytes is not remembered a second time: a call that is run again then sees the record as it is. */
const maxTextBytes = 65_536;
/** So much of what an operation said besides is remembered even where a run of the call has no more room for documents. */
const maxSaidBytes = 1_024;
const maxSteps = 10_000;

/** What an answer was made of. */
export type Step = {
  /** The document of a view. Absent where it was too large, or is no part of the answer. */
  readonly text?: string | undefined;
  /** The record as it was read; absent where the operation made it. */
  readonly read?: ReadRecord | undefined;
  /** Whatever else the operation needs to answer again, as JSON. */
  readonly said?: unknown;
};

/** Whether a step of this operation would be kept: making one costs the text of a document. */
export function isRemembered(engine: Engine, commitId: CommitId | undefined): boolean {
  return engine.calls.get()?.once !== undefined && commitId !== undefined && !engine.isGuest;
}

/** The change that remembers a step, for the commit it belongs to. None outside of calls that count once. */
export function remembering(engine: Engine, commitId: CommitId | undefined, step: Step): readonly Change[] {
  const once = engine.calls.get()?.once;
  // What somebody else's records said does not go into theirs, nor into those of the caller.
  if (once === undefined || commitId === undefined || engine.isGuest) return [];
  const kept = keptOf(once, commitId, step);
  if (kept === undefined) return [];
  const create = { text: "{}", lifetime: callLifetime };
  const appends = [{ stream: stepsStream, data: [kept], keep: maxSteps }];
  return [{ ...callKey(once.id), expect: "any", create, appends }];
}

/** As much of a step as there is room for, as it is stored. */
function keptOf({ steps }: OnceScope, commitId: CommitId, step: Step): string | undefined {
  const { text, said } = step;
  const whole = text === undefined || utf8Length(text) <= maxTextBytes ? stepText(commitId, step) : undefined;
  if (whole !== undefined && steps.hasRoomFor(commitId.id, utf8Length(whole))) return whole;
  const rest = said === undefined ? undefined : stepText(commitId, { said });
  if (rest === undefined) return undefined;
  return utf8Length(rest) <= maxSaidBytes || steps.hasRoomFor(commitId.id, utf8Length(rest)) ? rest : undefined;
}

/** A step that was remembered. Undefined outside of calls that count once, or where it was too large. */
export async function rememberedStep(
  engine: Engine,
  owner: Owner,
  commitId: CommitId | undefined,
  signal: AbortSignal | undefined,
): Promise<Step | undefined> {
  const once = engine.calls.get()?.once;
  if (once === undefined || commitId === undefined || engine.isGuest) return undefined;
  const data = await once.steps.find(engine, owner, commitId.id, signal);
  if (data === undefined) return undefined;
  // Written by `stepText`.
  const stored = parseStored(data, "a step of a call") as StoredStep;
  return { ...stored, read: stored.read && readOf(stored.read) };
}

type Entries<Value> = readonly (readonly [string, Value])[];
type StoredRead = Omit<ReadRecord, "counters" | "streams"> & {
  readonly counters: Entries<number>;
  readonly streams: Entries<{ readonly head: number; readonly first: number }>;
};
type StoredStep = {
  readonly commitId: string;
  readonly text?: string | undefined;
  readonly read?: StoredRead | undefined;
  readonly said?: unknown;
};

function stepText(commitId: CommitId, { text, read, said }: Step): string {
  const stored: StoredStep = {
    commitId: commitId.id,
    text,
    said,
    ...(read !== undefined && { read: { ...read, counters: [...read.counters], streams: [...read.streams] } }),
  };
  return JSON.stringify(stored);
}

function readOf({ counters, streams, ...rest }: StoredRead): ReadRecord {
  return { ...rest, counters: new Map(counters), streams: new Map(streams) };
}

/** What of a record a step keeps. */
export function readPart(record: StoredRecord): ReadRecord {
  const { kind, id, version, createdAt, updatedAt, touchedAt, counters, streams } = record;
  return { kind, id, version, createdAt, updatedAt, touchedAt, counters, streams };
}

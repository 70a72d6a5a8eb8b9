/** What a decision or a creation inside a call that counts once answers again: the fold of what it saw and what it appended. */
import type { Position, RecordKey, StoredRecord } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";
import type { CommitOutcome } from "../../store/contract.ts";
import { firstResult } from "../applied.ts";
import { readPart, type Step } from "../once/steps.ts";
import { type Folded, foldEvents, storedOf } from "./fold.ts";
import type { SourcedScope } from "./scope.ts";
import { snapshotValue } from "./snapshot-text.ts";
import type { EventSourcedView } from "./types.ts";
import { viewOfAppended } from "./views.ts";

/** More bytes of events are not remembered a second time: the view is then the record as it is. */
const maxEventBytes = 65_536;

/** What a step says besides the value before the events. */
type SourcedSaid = {
  readonly appended: number;
  readonly snapshotVersion: number;
  readonly position: Position;
  readonly events?: readonly string[];
};

/** @param position where the events come behind. */
export function saidOf({ kind }: SourcedScope, position: Position, texts: readonly string[]): SourcedSaid {
  const bytes = texts.reduce((sum, text) => sum + utf8Length(text), 0);
  return {
    appended: texts.length,
    snapshotVersion: kind.sourcing.snapshotVersion,
    position,
    ...(bytes <= maxEventBytes && { events: texts }),
  };
}

/** To be made before the value is folded on: that may change it. */
export function stepOf(
  scope: SourcedScope,
  { value, position }: Folded,
  read: StoredRecord | undefined,
  texts: readonly string[],
): Step {
  return { text: JSON.stringify(value), read: read && readPart(read), said: saidOf(scope, position, texts) };
}

/** Undefined where it was not remembered. */
export async function answeredAgain(
  scope: SourcedScope,
  key: RecordKey,
  outcome: Pick<CommitOutcome, "at" | "results">,
  step: Step | undefined,
): Promise<{ readonly appended: number; readonly view?: EventSourcedView<unknown> | undefined } | undefined> {
  if (step?.said === undefined) return undefined;
  // Written by `stepOf`.
  const { appended, snapshotVersion, position, events } = step.said as SourcedSaid;
  if (step.text === undefined || events === undefined) return { appended };
  const before = await snapshotValue(scope.kind, step.text, snapshotVersion);
  if (before === undefined) return { appended };
  const folded = await foldEvents(scope.kind, { ...before, position }, storedOf(events, position, outcome.at));
  return { appended, view: viewOfAppended(key, step.read, firstResult(outcome), outcome.at, folded) };
}

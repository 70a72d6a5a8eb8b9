import { HoldfastError } from "../record/errors.ts";
import {
  maxNamesPerRecord,
  type Position,
  type StoredEvent,
  type StoredRecord,
  type Version,
} from "../record/record.ts";
import { isWellFormed } from "../record/text.ts";
import type { RecordDump } from "./contract.ts";
import { validateTime } from "./dump-time.ts";
import { invalid, isVersion, validateKey, validateLifetime, validateName, validatePosition } from "./validate.ts";

/**
 * Throws `INVALID_ARGUMENT` unless the dump is one that a store could have exported. A dump may come from a file that
 * somebody edited or cut short, and what is taken in is never looked at as closely again.
 */
export function validateDump({ record, events }: RecordDump): void {
  validateKey(record);
  const { version, incarnation } = record;
  if (!isVersion(version)) throw invalid(`the dump's version is a safe integer from 1, not ${version}`);
  if (!isVersion(incarnation) || incarnation > version) {
    throw invalid(`the dump's incarnation is a version up to ${version}, not ${incarnation}`);
  }
  for (const name of ["createdAt", "updatedAt", "touchedAt"] as const) validateTime(name, record[name]);
  for (const name of ["deadlineAt", "expiresAt", "endedAt"] as const) {
    const at = record[name];
    if (at !== undefined) validateTime(name, at);
  }
  validateLifetime(record.lifetime);
  for (const value of Object.values(record.fields)) {
    if (value !== null && !["string", "number", "boolean"].includes(typeof value)) {
      throw invalid("a field of the dump is neither text, number, boolean nor null");
    }
  }
  if (!isWellFormed(record.document)) throw invalid("the dump's document holds a lone surrogate");
  validatePosition("the dump's documentPosition", record.documentPosition);
  for (const [name, value] of record.counters) {
    validateName("counter", name);
    if (!Number.isSafeInteger(value)) throw invalid(`counter "${name}" of the dump is a safe integer, not ${value}`);
  }
  if (Math.max(record.counters.size, record.streams.size) > maxNamesPerRecord) {
    throw invalid(`a record has at most ${maxNamesPerRecord} counters and as many streams`);
  }
  for (const [stream, { head, first }] of record.streams) {
    validateName("stream", stream);
    validatePosition("a stream's head", head);
    validateRun(stream, Object.hasOwn(events, stream) ? (events[stream] ?? []) : [], first, head);
  }
  for (const stream of Object.keys(events)) {
    if (!record.streams.has(stream)) throw invalid("the dump has events of a stream its record does not list");
  }
}

/**
 * Throws `CONFLICT` where an import would take an id's versions back.
 * @param standing the version that stands for the id, whatever its state.
 * @param floor the owner's, as far as imports are measured against it.
 */
export function refuseSetback(record: StoredRecord, standing: Version | undefined, floor: Version): void {
  if (standing !== undefined && standing > record.version) {
    throw new HoldfastError("CONFLICT", `version ${standing} of this record stands, above ${record.version}`, {
      details: { expected: record.version, actual: standing },
    });
  }
  if (standing !== undefined || record.incarnation > floor) return;
  throw new HoldfastError(
    "CONFLICT",
    `versions up to ${floor} of this owner were reaped, those of this record perhaps among them, and its dump began at ${record.incarnation}; import it for another owner, or erase this one first`,
    { details: { expected: record.incarnation, floor } },
  );
}

/** What is retained of a stream is a run of positions up to its head, whole. */
function validateRun(stream: string, events: readonly StoredEvent[], first: Position, head: Position): void {
  const whole = Number.isSafeInteger(first) && first >= 1 && events.length === head - first + 1;
  if (!whole || events.some(({ position }, index) => position !== first + index)) {
    throw invalid(`stream "${stream}" of the dump has gaps, or not all of its events from ${first} to ${head}`);
  }
  for (const { at, data } of events) {
    validateTime("an event's at", at);
    if (!isWellFormed(data)) throw invalid(`an event of stream "${stream}" of the dump holds a lone surrogate`);
  }
}

/** What every store refuses before it looks at anything: malformed input is the caller's fault, not a conflict. */

import { throwIfAborted } from "../record/abort.ts";
import type { Change, NewDocument } from "../record/change.ts";
import { HoldfastError } from "../record/errors.ts";
import { maxComparedFields } from "../record/fields.ts";
import { isKindName, isRecordId } from "../record/ids.ts";
import {
  type IndexedFields,
  type Lifetime,
  maxChangesPerCommit,
  maxEventsPerCommit,
  maxHintBytes,
  maxLifetimeMs,
  maxNameLength,
  maxStepsPerChange,
  type RecordKey,
} from "../record/record.ts";
import { isOfLength, isWellFormed, utf8Length } from "../record/text.ts";
import type {
  AccountOptions,
  CallOptions,
  CommitOptions,
  EraseOptions,
  EventsOptions,
  ListOptions,
  OwnersOptions,
  ReadOptions,
  ReapOptions,
  ScanOptions,
} from "./contract.ts";

/**
 * Throws `INVALID_ARGUMENT` naming what is wrong, or `ABORTED`.
 *
 * @example
 * // The first line of `commit(owner, changes, options)`.
 * validateCommit([change], { quota: { bytes: 1_048_576 } });
 */
export function validateCommit(changes: readonly Change[], options: CommitOptions): void {
  throwIfAborted(options.signal);
  if (changes.length < 1 || changes.length > maxChangesPerCommit) {
    throw invalid(`a commit holds 1 to ${maxChangesPerCommit} changes, not ${changes.length}`);
  }
  for (const change of changes) validateChange(change);
  if (changes.length > 1) refuseRepeatedRecords(changes);
  refuseTooManyEvents(changes);
  const { commitId, fence } = options;
  if (commitId !== undefined) validateCommitId(commitId.id);
  if (fence !== undefined) {
    validateKey(fence.key);
    if (!isVersion(fence.token)) throw invalid(`fence.token is a version (a safe integer from 1), not ${fence.token}`);
  }
}

function refuseRepeatedRecords(changes: readonly Change[]): void {
  const seen = new Set<string>();
  for (const { kind, id } of changes) {
    const address = `${kind}/${id}`;
    if (seen.has(address)) throw invalid(`two changes of one commit name the same record (kind "${kind}")`);
    seen.add(address);
  }
}

/** What one commit does is done in one piece, and holds others up for as long. */
function refuseTooManyEvents(changes: readonly Change[]): void {
  let events = 0;
  for (const { appends } of changes) for (const { data } of appends ?? []) events += data.length;
  if (events > maxEventsPerCommit) {
    throw invalid(`a commit appends at most ${maxEventsPerCommit} events, not ${events}: divide it into several`);
  }
}

function refuseTooManySteps(what: string, steps: readonly unknown[] | undefined): void {
  if (steps === undefined || steps.length <= maxStepsPerChange) return;
  throw invalid(`a change has at most ${maxStepsPerChange} ${what}, not ${steps.length}: divide it into several`);
}

/** Throws `INVALID_ARGUMENT` if the key, a tail or the commit id is malformed, or `ABORTED`. */
export function validateRead(key: RecordKey, options: ReadOptions): void {
  throwIfAborted(options.signal);
  validateKey(key);
  for (const { stream, after, limit, maxBytes } of options.tails ?? []) {
    validateName("stream", stream);
    validateLimit("a tail's limit", limit, 10_000);
    if (maxBytes !== undefined) validatePosition("a tail's maxBytes", maxBytes);
    if (typeof after === "number") validatePosition("after", after);
    if (typeof after === "object") validatePosition("after.last", after.last);
  }
  if (options.commitId !== undefined) validateCommitId(options.commitId);
}

/** Throws `INVALID_ARGUMENT` if the key, the stream or the range is malformed, or `ABORTED`. */
export function validateEvents(key: RecordKey, stream: string, options: EventsOptions): void {
  throwIfAborted(options.signal);
  validateKey(key);
  validateName("stream", stream);
  validateLimit("limit", options.limit, 10_000);
  if (options.after !== undefined) validatePosition("after", options.after);
  if (options.before !== undefined) validatePosition("before", options.before);
  if (options.maxBytes !== undefined) validatePosition("maxBytes", options.maxBytes);
}

/** Throws `INVALID_ARGUMENT` if the kind, the limit or a comparison is malformed, or `ABORTED`. */
export function validateList(kind: string | undefined, options: ListOptions | ScanOptions): void {
  throwIfAborted(options.signal);
  if (kind !== undefined && !isKindName(kind)) throw invalid(`"${kind}" is not a kind name ([a-z][a-z0-9.-]{0,63})`);
  validateLimit("limit", options.limit, 1_000);
  if ("where" in options && options.where !== undefined) validateWhere(options.where);
}

function validateWhere(where: IndexedFields): void {
  const entries = Object.entries(where);
  if (entries.length > maxComparedFields) {
    throw invalid(`where compares at most ${maxComparedFields} fields, not ${entries.length}`);
  }
  for (const [name, value] of entries) {
    // What JavaScript lets a caller leave out by accident must not match everything.
    const scalar = value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
    if (!scalar) throw invalid(`where.${name} is a text, a finite number, a boolean or null`);
  }
}

/** Throws `INVALID_ARGUMENT` if the limit is malformed, or `ABORTED`. */
export function validatePage({ limit, signal }: OwnersOptions | AccountOptions): void {
  throwIfAborted(signal);
  validateLimit("limit", limit, 1_000);
}

/** Throws `INVALID_ARGUMENT` if the limit is malformed, or `ABORTED`. */
export function validateReap({ limit, signal }: ReapOptions): void {
  throwIfAborted(signal);
  validateMost(limit);
}

/** Throws `INVALID_ARGUMENT` if there is a limit and it is malformed, or `ABORTED`. */
export function validateErase({ limit, signal }: EraseOptions): void {
  throwIfAborted(signal);
  if (limit !== undefined) validateMost(limit);
}

function validateMost(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) throw invalid(`limit is a whole number from 1, not ${limit}`);
}

/** Throws `INVALID_ARGUMENT` if the key could not name any record, or `ABORTED`. */
export function validateCall(key: RecordKey, { signal }: CallOptions): void {
  throwIfAborted(signal);
  validateKey(key);
}

/** Throws `INVALID_ARGUMENT` if a hint would not fit into the narrowest carrier. */
export function validateHint(hint: string): void {
  const bytes = utf8Length(hint);
  if (bytes > maxHintBytes)
    throw invalid(`a hint has at most ${maxHintBytes} bytes, not ${bytes}: send a pointer, not the content`);
}

function validateLimit(what: string, limit: number, most: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > most) throw invalid(`${what} is 1 to ${most}, not ${limit}`);
}

/** Throws `INVALID_ARGUMENT` unless it is 1 to 256 characters of well-formed text without NUL. */
export function validateCommitId(id: string): void {
  if (id.length < 1 || id.length > 256) throw invalid(`a commit id has 1 to 256 characters, not ${id.length}`);
  if (id.includes("\0") || !isWellFormed(id)) throw invalid("a commit id is well-formed text without NUL");
}

export function isVersion(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/** Throws `INVALID_ARGUMENT` if the key could not name any record. */
export function validateKey(key: RecordKey): void {
  if (!isKindName(key.kind)) throw invalid(`"${key.kind}" is not a kind name ([a-z][a-z0-9.-]{0,63})`);
  if (!isRecordId(key.id)) throw invalid("a record id has 1 to 128 characters of A-Z a-z 0-9 _ -");
}

function validateChange(change: Change): void {
  validateKey(change);
  const { expect, create, document, lifetime } = change;
  if (typeof expect === "number" && !isVersion(expect)) {
    throw invalid(`${expect} is not a version (a safe integer from 1)`);
  }
  if (expect === "absent" && create === undefined) throw invalid('a change that expects "absent" needs "create"');
  if (create !== undefined) {
    if (create.version !== undefined && !isVersion(create.version)) {
      throw invalid(`create.version ${create.version} is not a version (a safe integer from 1)`);
    }
    validateDocument(create);
    validateLifetime(create.lifetime);
  }
  if (document !== undefined) validateDocument(document);
  if (lifetime !== undefined) validateLifetime(lifetime);
  refuseTooManySteps("counter changes", change.counters);
  refuseTooManySteps("appends", change.appends);
  refuseTooManySteps("trims", change.trims);
  for (const { name, by, min, max } of change.counters ?? []) {
    validateName("counter", name);
    if (!Number.isSafeInteger(by)) throw invalid(`counter "${name}" cannot change by ${by}: not a safe integer`);
    if (Number.isNaN(min) || Number.isNaN(max)) throw invalid(`the bounds of counter "${name}" are numbers, not NaN`);
  }
  for (const { stream, data, keep, expectedHead } of change.appends ?? []) {
    validateName("stream", stream);
    // UTF-8 would store a lone surrogate as something else, and the answer would differ from what was written.
    if (!data.every(isWellFormed)) throw invalid(`an event for stream "${stream}" holds a lone surrogate`);
    if (keep !== undefined) validatePosition("keep", keep);
    if (expectedHead !== undefined) validatePosition("expectedHead", expectedHead);
  }
  for (const { stream, through } of change.trims ?? []) {
    validateName("stream", stream);
    validatePosition("through", through);
  }
}

function validateDocument({ text, position }: NewDocument): void {
  if (!isWellFormed(text)) throw invalid("the document's text holds a lone surrogate");
  if (position !== undefined) validatePosition("position", position);
}

/** Throws `INVALID_ARGUMENT` for a duration that is none, or too long for exact points in time. */
export function validateLifetime(lifetime: Lifetime): void {
  for (const [name, ms] of Object.entries(lifetime)) {
    if (ms !== undefined && (!Number.isSafeInteger(ms) || ms < 0 || ms > maxLifetimeMs)) {
      throw invalid(`lifetime.${name} is a whole number of milliseconds up to a hundred years, not ${ms}`);
    }
  }
}

/** Names of counters and streams: 1 to 128 characters of well-formed text without NUL. */
export function validateName(what: string, name: string): void {
  if (!isOfLength(name, maxNameLength)) {
    throw invalid(`a ${what}'s name has 1 to ${maxNameLength} characters, not ${name.length}`);
  }
  if (name.includes("\0") || !isWellFormed(name)) {
    throw invalid(`a ${what}'s name is well-formed text without NUL`);
  }
}

export function validatePosition(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw invalid(`${what} is a whole number from 0, not ${value}`);
}

export function invalid(message: string): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", message);
}

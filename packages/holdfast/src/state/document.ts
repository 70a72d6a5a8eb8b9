/**
 * Documents of a kind: JSON text in the store, a schema's value in the program.
 *
 * The version of the schema that wrote a document lies in the indexed field `$schema`, only where it is above 1, so
 * that plain documents stay exactly what their authors wrote. Reading upcasts step by step and never writes; the next
 * write stores the newest version. Names of fields that start with `$` are the engine's.
 */
import { createHash } from "node:crypto";
import type { StandardSchemaV1 } from "@standard-schema/spec";

import { HoldfastError } from "../record/errors.ts";
import type { IndexedFields, StoredRecord } from "../record/record.ts";
import { utf8Length } from "../record/text.ts";
import type { KindDefinition } from "./definition.ts";
import { jsonText, pathInWords } from "./json.ts";
import { invalid } from "./refusals.ts";

/** A document ready to be stored. */
export type Encoded = { readonly text: string; readonly fields: IndexedFields; readonly value: unknown };

const schemaField = "$schema";
export const nameField = "$name";

const maxFields = 16;
const maxFieldBytes = 2_048;

/**
 * What is there already, or will be. Most schemas answer at once, and the hot path is spared the waiting.
 */
export type Awaitable<Value> = Value | Promise<Value>;

/** Checks a value against the schema and writes it down. Throws `INVALID_ARGUMENT` with the path of what is wrong. */
export function encodeDocument(kind: KindDefinition, given: unknown, name?: string): Awaitable<Encoded> {
  const checked = kind.schema["~standard"].validate(given);
  return checked instanceof Promise
    ? checked.then((late) => encodeChecked(kind, late, name))
    : encodeChecked(kind, checked, name);
}

function encodeChecked(
  kind: KindDefinition,
  checked: StandardSchemaV1.Result<unknown>,
  name: string | undefined,
): Encoded {
  if (checked.issues !== undefined) throw schemaViolation(kind.name, checked.issues);
  const { value } = checked;
  const text = jsonText(value, `the ${kind.name}`, kind.maxDocumentBytes);
  return { text, value, fields: fieldsOf(kind, value, name) };
}

/** The first value of a record that nobody gave one. Throws as `encodeDocument` does. */
export function encodeInitial(kind: KindDefinition, name?: string): Awaitable<Encoded> {
  return encodeDocument(kind, kind.initial === undefined ? {} : kind.initial(), name);
}

/**
 * The value of a stored document, by this version of the schema.
 * Throws `SCHEMA_MISMATCH` naming kind, hashed id and version, and never any content.
 */
export function decodeDocument(kind: KindDefinition, record: StoredRecord): Awaitable<unknown> {
  let value = parsed(kind, record);
  const written = writtenVersion(record.fields);
  if (written !== kind.schemaVersion) value = upcast(kind, record, value, written);
  const checked = kind.schema["~standard"].validate(value);
  return checked instanceof Promise
    ? checked.then((late) => accepted(kind, record, late))
    : accepted(kind, record, checked);
}

function accepted(kind: KindDefinition, record: StoredRecord, checked: StandardSchemaV1.Result<unknown>): unknown {
  if (checked.issues === undefined) return checked.value;
  throw mismatch(kind, record, "its schema does not accept it; raise the version and add an upcaster");
}

/** The value of a text that this version of the schema has just written. Throws `INVALID_ARGUMENT` if it cannot read it. */
export async function decodeText(kind: KindDefinition, text: string): Promise<unknown> {
  const pending = kind.schema["~standard"].validate(JSON.parse(text));
  const checked = pending instanceof Promise ? await pending : pending;
  if (checked.issues !== undefined) throw schemaViolation(kind.name, checked.issues);
  return checked.value;
}

function parsed(kind: KindDefinition, record: StoredRecord): unknown {
  try {
    return JSON.parse(record.document);
  } catch {
    throw new HoldfastError("STORE_CORRUPT", `${describe(kind, record)} is not the JSON text that was written`, {
      details: detailsOf(kind, record),
    });
  }
}

function writtenVersion(fields: IndexedFields): number {
  const written = fields[schemaField];
  return typeof written === "number" ? written : 1;
}

function upcast(kind: KindDefinition, record: StoredRecord, older: unknown, from: number): unknown {
  if (from > kind.schemaVersion) {
    throw mismatch(
      kind,
      record,
      `it was written by schema version ${from}, and this program knows ${kind.schemaVersion}`,
    );
  }
  let value = older;
  for (const [index, upcaster] of kind.upcasters.slice(from - 1).entries()) {
    try {
      value = upcaster(value);
    } catch {
      // The upcaster's own error may quote the document, so it goes no further.
      throw mismatch(kind, record, `the upcaster from schema version ${from + index} failed`);
    }
  }
  return value;
}

function fieldsOf(kind: KindDefinition, value: unknown, name: string | undefined): IndexedFields {
  const own = kind.index === undefined ? undefined : checkedFields(kind, kind.index(value));
  if (own === undefined && name === undefined && kind.schemaVersion === 1) return noFields;
  return {
    ...own,
    ...(kind.schemaVersion > 1 && { [schemaField]: kind.schemaVersion }),
    ...(name !== undefined && { [nameField]: name }),
  };
}

const noFields: IndexedFields = {};

function checkedFields(kind: KindDefinition, fields: IndexedFields): IndexedFields {
  const what = `index of kind "${kind.name}"`;
  if (typeof fields !== "object" || fields === null) throw invalid(`${what} should return an object of scalars`);
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  if (entries.length > maxFields)
    throw invalid(`${what} returned ${entries.length} fields; at most ${maxFields} are kept`);
  for (const [name, value] of entries) {
    if (name.startsWith("$") || name === "__proto__") throw invalid(`${what}: the name "${name}" is reserved`);
    const scalar = value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
    if (!scalar) throw invalid(`${what}: "${name}" is neither a text, a finite number, a boolean nor null`);
  }
  const kept: IndexedFields = Object.fromEntries(entries);
  if (utf8Length(JSON.stringify(kept)) > maxFieldBytes) throw invalid(`${what} takes more than ${maxFieldBytes} bytes`);
  return kept;
}

/** The fields a kind made, without the engine's own. */
export function ownFields(fields: IndexedFields): IndexedFields {
  const entries = Object.entries(fields);
  const own = entries.filter(([name]) => !name.startsWith("$"));
  return own.length === entries.length ? fields : Object.fromEntries(own);
}

/** What a schema refused, with the path of the first issue. */
export function schemaViolation(what: string, issues: readonly StandardSchemaV1.Issue[]): HoldfastError {
  const [first] = issues;
  const path = (first?.path ?? []).map((step) => (typeof step === "object" ? step.key : step));
  const where = path.length === 0 ? "" : ` at ${pathInWords(path)}`;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  return invalid(`the ${what} is not valid${where}: ${first?.message ?? "refused by its schema"}${more}`, {
    path: path.map((step) => (typeof step === "symbol" ? String(step) : step)),
  });
}

function mismatch(kind: KindDefinition, record: StoredRecord, why: string): HoldfastError {
  return new HoldfastError("SCHEMA_MISMATCH", `${describe(kind, record)} cannot be read: ${why}`, {
    details: detailsOf(kind, record),
  });
}

function describe(kind: KindDefinition, record: StoredRecord): string {
  return `${kind.name} #${hashed(record.id)}, version ${record.version},`;
}

function detailsOf(kind: KindDefinition, record: StoredRecord): Readonly<Record<string, unknown>> {
  return {
    kind: kind.name,
    idHash: hashed(record.id),
    version: record.version,
    writtenBySchema: writtenVersion(record.fields),
    schema: kind.schemaVersion,
  };
}

/** Enough of a digest to tell records apart in a log, and nothing that could be used as a handle. */
export function hashed(id: string): string {
  return createHash("sha256").update(id, "utf8").digest("hex").slice(0, 12);
}

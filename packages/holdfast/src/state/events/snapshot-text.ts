/** Values of event-sourced records as the text of snapshots. */
import { HoldfastError } from "../../record/errors.ts";
import type { IndexedFields, Position } from "../../record/record.ts";
import { nameField, schemaViolation } from "../document.ts";
import { hasToJson, jsonText, parseStored, pathInWords } from "../json.ts";
import { invalid } from "../refusals.ts";
import type { SourcedDefinition } from "./definition.ts";

const snapshotField = "$snapshot";

/** What a base of a history says. */
export type Snapshot = {
  readonly position: Position;
  /** When the event at that position happened. */
  readonly at?: number;
  readonly version: number;
  readonly value: unknown;
};

export function writtenSnapshotVersion(fields: IndexedFields): number {
  const written = fields[snapshotField];
  return typeof written === "number" ? written : 1;
}

/** The fields of a record of this kind: the snapshot's version, where it is above 1, and the name it was opened by. */
export function snapshotFields({ sourcing }: SourcedDefinition, name: unknown): IndexedFields {
  return {
    ...(sourcing.snapshotVersion > 1 && { [snapshotField]: sourcing.snapshotVersion }),
    ...(typeof name === "string" && { [nameField]: name }),
  };
}

/** Throws `INVALID_ARGUMENT` for a value that could not be read back as it is. */
export async function snapshotText(kind: SourcedDefinition, value: unknown): Promise<string> {
  const { schema } = kind.sourcing;
  if (schema === undefined) refuseLosses(kind, value, []);
  const text = jsonText(value, `the value of the ${kind.name}`, kind.maxDocumentBytes);
  const checked = await schema?.["~standard"].validate(JSON.parse(text));
  if (checked?.issues !== undefined) throw schemaViolation(`value of the ${kind.name}`, checked.issues);
  return text;
}

/** A date would come back as a text, and the events after the snapshot would meet another value than on the first time. */
function refuseLosses(kind: SourcedDefinition, value: unknown, path: readonly PropertyKey[]): void {
  // Deeper values are refused by the writer of JSON.
  if (typeof value !== "object" || value === null || path.length > 64) return;
  if (hasToJson(value)) {
    throw invalid(
      `the value of the ${kind.name} holds an instance of ${value.constructor?.name || "a class"} at ${pathInWords(path)}; keep plain JSON, or give the kind a "schema" that brings it back`,
    );
  }
  for (const [key, member] of Object.entries(value)) refuseLosses(kind, member, [...path, key]);
}

/** The value of a snapshot's text; undefined if it is of a version that is not to be looked at. */
export async function snapshotValue(
  { name, sourcing }: SourcedDefinition,
  text: string,
  version: number,
): Promise<{ readonly value: unknown } | undefined> {
  let value = parseStored(text, `a snapshot of a ${name}`);
  if (version !== sourcing.snapshotVersion) {
    if (sourcing.upcastSnapshot === undefined || version > sourcing.snapshotVersion) return undefined;
    try {
      value = sourcing.upcastSnapshot(value, version);
    } catch {
      // Its own error may quote the value, so it goes no further.
      throw mismatch(name, `upcastSnapshot failed for version ${version}`);
    }
  }
  if (sourcing.schema === undefined) return { value };
  const checked = await sourcing.schema["~standard"].validate(value);
  if (checked.issues !== undefined) throw mismatch(name, "its schema does not accept it; raise snapshotVersion");
  return { value: checked.value };
}

/** The value before the first event: what its own text says, so that no two calls share it and no replay differs. */
export async function initialValue(kind: SourcedDefinition): Promise<unknown> {
  const text = await snapshotText(kind, kind.sourcing.initial());
  return (await snapshotValue(kind, text, kind.sourcing.snapshotVersion))?.value;
}

/** A value of its own for somebody who may change it. */
export async function copyOfValue(kind: SourcedDefinition, value: unknown): Promise<unknown> {
  if (kind.sourcing.schema === undefined) return structuredClone(value);
  return (await snapshotValue(kind, JSON.stringify(value), kind.sourcing.snapshotVersion))?.value;
}

function mismatch(name: string, why: string): HoldfastError {
  return new HoldfastError("SCHEMA_MISMATCH", `a snapshot of a ${name} cannot be read: ${why}`, {
    details: { kind: name },
  });
}

/**
 * The built-in kind `session`.
 *
 * - document: label, summary, metadata, preferences, data;
 * - counters: the caller's own, and one of the engine's that counts actions, so that the total starts again when the
 *   session is cleared while the positions of the stream, which never start again, go on;
 * - streams: `actions` and `turns`, both trimmed to their newest.
 *
 * A session of a 2025-era connection is an ordinary one whose field `connection` is true; see `connection.ts`.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";

import type { IndexedFields, RecordSummary } from "../../record/record.ts";
import { isOfLength } from "../../record/text.ts";
import { defineKind, type KindDefinition } from "../definition.ts";
import type { SessionLifetime } from "../hold.ts";
import type { HoldLimits } from "../limits.ts";
import { invalid } from "../refusals.ts";
import type { RecordView, SessionDocument, SessionView } from "../types.ts";
import { leasesCounter } from "../views.ts";

export const sessionKind = "session";
export const sessionPrefix = "ses";
export const actionsStream = "actions";
export const turnsStream = "turns";
/** Counts actions since the session began or was last cleared. */
export const actionsCounter = "holdfast.actions";
const engineCounters: ReadonlySet<string> = new Set([actionsCounter, leasesCounter]);
const connectionField = "connection";

export const sessionDefaults: SessionLifetime = { idleMs: 24 * 3_600_000, absoluteMs: 30 * 24 * 3_600_000 };

/** The kind `session` as one hold has it. */
export function defineSession(limits: HoldLimits, { idleMs, absoluteMs }: SessionLifetime): KindDefinition {
  const definition = defineKind(sessionKind, {
    schema: sessionSchema,
    prefix: sessionPrefix,
    idle: idleMs,
    absolute: absoluteMs,
    limits: {
      maxDocumentBytes: limits.maxSessionBytes,
      maxEventBytes: limits.maxActionBytes,
      maxEventsKept: limits.maxActionsKept,
      maxRecords: limits.maxSessions,
    },
  });
  return { ...definition, fixedFields: true };
}

/** Checks the outline only and copies nothing: what is inside is any JSON, whatever its members are called. */
const sessionSchema: StandardSchemaV1<SessionDocument> = {
  "~standard": {
    version: 1,
    vendor: "holdfast",
    validate: (value) =>
      isSessionDocument(value) ? { value } : { issues: [{ message: "not the document of a session" }] },
  },
};

function isSessionDocument(value: unknown): value is SessionDocument {
  if (typeof value !== "object" || value === null) return false;
  const { label, summary, metadata, preferences, data } = value as Partial<Record<keyof SessionDocument, unknown>>;
  const texts = [label, summary].every((text) => text === undefined || typeof text === "string");
  return texts && metadata !== undefined && isMap(preferences) && isMap(data);
}

function isMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The document of a session that has just begun. Throws `INVALID_ARGUMENT` for a label of other than 1 to 128 characters. */
export function emptySession(label: string | undefined, metadata: unknown): SessionDocument {
  return {
    ...(label !== undefined && { label: checkedName("a label", label) }),
    metadata: metadata ?? null,
    preferences: {},
    data: {},
  };
}

/** Names, keys and labels: 1 to 128 characters of any text. */
export function checkedName(what: string, name: string): string {
  if (typeof name === "string" && isOfLength(name, 128)) return name;
  throw invalid(`${what} has 1 to 128 characters`);
}

/** Fields that listings show. They never change: what `connection` says decides what ends together. */
export function sessionFields(label: string | undefined, connection: boolean): IndexedFields {
  return { ...(label !== undefined && { label }), ...(connection && { [connectionField]: true }) };
}

export function isConnectionSession({ fields }: RecordSummary): boolean {
  return fields[connectionField] === true;
}

/** A session's view: the engine's counter becomes the total, and counters at zero are as if never counted. */
export function sessionView(view: RecordView<unknown>): SessionView {
  return {
    ...view,
    // Documents of this kind passed the schema above.
    value: view.value as SessionDocument,
    counters: ownCounters(view.counters),
    totalEvents: totalEvents(view.counters),
  };
}

export function totalEvents(counters: ReadonlyMap<string, number>): number {
  return counters.get(actionsCounter) ?? 0;
}

export function ownCounters(counters: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map([...counters].filter(([name, value]) => value !== 0 && !engineCounters.has(name)));
}

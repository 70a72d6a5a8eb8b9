/**
 * A 2025-era connection is two records of one owner with the same id: the session, which is the caller's, and the
 * transport, which is the engine's. They are created in one commit, live equally long, slide together and end in one
 * commit; these builders are how the serving layer keeps that so.
 */
import type { Change, NewDocument } from "../../record/change.ts";
import { mintId } from "../../record/ids.ts";
import type { Lifetime, RecordKey, RecordSummary } from "../../record/record.ts";
import { jsonText } from "../json.ts";
import type { SessionInput } from "../types.ts";
import { emptySession, isConnectionSession, sessionFields, sessionKind, sessionPrefix } from "./definition.ts";

/** The kind of the other record of a connection. */
export const transportKind = "holdfast.transport";

export function mintSessionId(): string {
  return mintId(sessionPrefix);
}

/**
 * The change that makes a session. Where it belongs to a connection, commit it together with `transportCreation`
 * under the same id, lifetime and `sessionQuota` of the serving hold.
 */
export function sessionCreation(
  id: string,
  input: SessionInput,
  lifetime: Lifetime,
  { connection, maxBytes }: { readonly connection: boolean; readonly maxBytes: number },
): Change {
  const { label, metadata } = input;
  const text = jsonText(emptySession(label, metadata), "the session", maxBytes);
  return {
    kind: sessionKind,
    id,
    expect: "absent",
    create: { text, fields: sessionFields(label, connection), lifetime },
  };
}

/** The change that makes the transport of a connection. */
export function transportCreation(id: string, document: NewDocument, lifetime: Lifetime): Change {
  return { kind: transportKind, id, expect: "absent", create: { ...document, lifetime } };
}

/** What slides both records of a connection. Refused as a whole if either is gone. */
export function connectionSlide(id: string): readonly [Change, Change] {
  return [
    { kind: sessionKind, id, expect: "present", slide: true },
    { kind: transportKind, id, expect: "present", slide: true },
  ];
}

/** What ends both records of a connection. Refused as a whole if either is gone. */
export function connectionEnd(id: string): readonly [Change, Change] {
  return [
    { kind: sessionKind, id, expect: "present", end: true },
    { kind: transportKind, id, expect: "present", end: true },
  ];
}

/** The transport of a session, if the session belongs to a connection. */
export function transportOf(session: RecordSummary): RecordKey | undefined {
  return isConnectionSession(session) ? { kind: transportKind, id: session.id } : undefined;
}

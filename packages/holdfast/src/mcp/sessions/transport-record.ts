/**
 * The second record of a 2025-era connection, under the id of its session: who may use it, what was negotiated, and
 * two streams. `out` is the log of everything that goes over SSE; `in` takes the client's answers that arrived at a
 * node which does not wait for them. Calls that stream have records of their own (`calls/call-record.ts`), so that
 * however much a call says it cannot push out what has to be known about it.
 */
import type { ClientCapabilities, Implementation } from "@modelcontextprotocol/server";

import { HoldfastError } from "../../record/errors.ts";
import type { Owner, Position, RecordKey } from "../../record/record.ts";
import { transportKind } from "../../state/sessions/connection.ts";
import type { InboxPlace } from "./routing/inbox.ts";

export const outStream = "out";
export const inStream = "in";
/** Counts the GET streams that were opened; the newest has the highest token. */
export const takeoverCounter = "listeners";
/** The token of the newest of them of which something has gone out. */
export const heardCounter = "heard";

/** Addresses of resources, each with where events stood when it was subscribed to: those of its principal, and all. */
export type Subscriptions = Readonly<Record<string, readonly [own: Position, all: Position]>>;

export type TransportDocument = {
  readonly secretHash: string;
  /** The OAuth client that opened the session; null where there is none. */
  readonly clientId: string | null;
  readonly protocolVersion: string;
  readonly clientInfo: Implementation;
  readonly capabilities: ClientCapabilities;
  readonly logLevel?: string | undefined;
  readonly subscriptions?: Subscriptions | undefined;
  /** `initialized` once the client has said so. */
  readonly phase: "initializing" | "initialized";
};

export function transportKey(sessionId: string): RecordKey {
  return { kind: transportKind, id: sessionId };
}

/** Where hints about a session's streams go. */
export function sessionTopic(sessionId: string): string {
  return `holdfast.session.${sessionId}`;
}

/** Where answers and cancellations for a session are left. */
export function inboxOf({ owner, id }: { readonly owner: Owner; readonly id: string }): InboxPlace {
  return { owner, key: transportKey(id), topic: sessionTopic(id) };
}

export function readTransportDocument(text: string): TransportDocument {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("secretHash" in value) || !("protocolVersion" in value)) {
    throw new HoldfastError("STORE_CORRUPT", `a ${transportKind} record holds no session; end it`);
  }
  // Written by this file only, and checked for what tells it from anything else.
  return value as TransportDocument;
}

import type { ClientCapabilities, Implementation } from "@modelcontextprotocol/server";
import type { Owner, Version } from "../../record/record.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { refusalError } from "../../state/refusals.ts";
import { sessionCreation, transportCreation } from "../../state/sessions/connection.ts";
import type { SessionHold } from "./hold.ts";
import type { TransportDocument } from "./transport-record.ts";
import { formatWireId, hashSecret, mintWireId, type WireId } from "./wire-id.ts";

/** What a client and a server agreed on in `initialize`. */
export type Negotiated = {
  readonly protocolVersion: string;
  readonly clientInfo: Implementation;
  readonly capabilities: ClientCapabilities;
};

export type ConnectionSessionInit = Negotiated & {
  /** Default: freshly minted. */
  readonly id?: WireId | undefined;
};

export type ConnectionSession = {
  readonly owner: Owner;
  /** The handle: names the session for its owner and nobody else. */
  readonly sessionId: string;
  /** What a client presents, handle and secret. Never logged. */
  readonly wireId: string;
  readonly document: TransportDocument;
  readonly version: Version;
};

/**
 * Makes the session of a 2025-era connection: an ordinary session of the principal and its transport record, in one
 * commit. To be called once `initialize` has succeeded and not before, so that a refused client leaves nothing behind.
 *
 * Throws `QUOTA_EXCEEDED` where the principal has as many sessions, records or bytes as it may have.
 */
export async function createConnectionSession(
  hold: SessionHold,
  principal: Principal,
  init: ConnectionSessionInit,
): Promise<ConnectionSession> {
  const { id = mintWireId(), protocolVersion, clientInfo, capabilities } = init;
  const owner = ownerOfPrincipal(principal);
  const document: TransportDocument = {
    secretHash: hashSecret(id.secret),
    clientId: principal.clientId ?? null,
    protocolVersion,
    clientInfo,
    capabilities,
    phase: "initializing",
  };
  const lifetime = hold.sessionLifetime;
  const options = { connection: true, maxBytes: hold.limits.maxSessionBytes };
  const changes = [
    sessionCreation(id.handle, {}, lifetime, options),
    transportCreation(id.handle, { text: JSON.stringify(document) }, lifetime),
  ];
  const committed = await hold.store.commit(owner, changes, { quota: hold.sessionQuota });
  if (!committed.ok) throw refusalError(committed.refusal);
  return {
    owner,
    sessionId: id.handle,
    wireId: formatWireId(id),
    document,
    version: committed.results[1]?.version ?? 1,
  };
}

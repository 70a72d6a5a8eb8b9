import type { ClientCapabilities, Implementation } from "@modelcontextprotocol/server";
import { isHoldfastError } from "../../record/errors.ts";
import { mintSecret } from "../../record/ids.ts";
import type { Lifetime, Owner, Version } from "../../record/record.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { refusalError } from "../../state/refusals.ts";
import { sessionCreation, transportCreation } from "../../state/sessions/connection.ts";
import type { Committed, Quota } from "../../store/contract.ts";
import type { SessionHold } from "./hold.ts";
import type { TransportDocument } from "./transport-record.ts";
import { formatWireId, hashSecret, mintWireId, type WireId } from "./wire-id.ts";

/** What a client and a server agreed on in `initialize`. */
export type Negotiated = {
  readonly protocolVersion: string;
  readonly clientInfo: Implementation;
  readonly capabilities: ClientCapabilities;
};

/** Bounds tighter than the hold's own; looser ones change nothing. */
export type SessionBounds = {
  readonly maxSessions?: number | undefined;
  readonly idleMs?: number | undefined;
  readonly absoluteMs?: number | undefined;
};

export type ConnectionSessionInit = Negotiated & {
  /** Default: freshly minted. */
  readonly id?: WireId | undefined;
  readonly bounds?: SessionBounds | undefined;
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
  const { id = mintWireId(), bounds = {}, protocolVersion, clientInfo, capabilities } = init;
  const owner = ownerOfPrincipal(principal);
  const document: TransportDocument = {
    secretHash: hashSecret(id.secret),
    clientId: principal.clientId ?? null,
    protocolVersion,
    clientInfo,
    capabilities,
    phase: "initializing",
  };
  const lifetime = lifetimeWithin(hold, bounds);
  const options = { connection: true, maxBytes: hold.limits.maxSessionBytes };
  const changes = [
    sessionCreation(id.handle, {}, lifetime, options),
    transportCreation(id.handle, { text: JSON.stringify(document) }, lifetime),
  ];
  const committed = await commitOnce(hold, owner, changes, quotaWithin(hold, bounds));
  if (!committed.ok) throw refusalError(committed.refusal);
  return {
    owner,
    sessionId: id.handle,
    wireId: formatWireId(id),
    document,
    version: committed.results[1]?.version ?? 1,
  };
}

/** Repeats once under the same commit id where the outcome of the first try is unknown. */
async function commitOnce(
  { store }: SessionHold,
  owner: Owner,
  changes: Parameters<SessionHold["store"]["commit"]>[1],
  quota: Quota,
): Promise<Committed> {
  if (!store.traits.outcomeCanBeUnknown) return store.commit(owner, changes, { quota });
  const options = { quota, commitId: { id: mintSecret(128), digest: "initialize", origin: "internal" } } as const;
  try {
    return await store.commit(owner, changes, options);
  } catch (error) {
    if (!isHoldfastError(error, "OUTCOME_UNKNOWN")) throw error;
    return store.commit(owner, changes, options);
  }
}

function lifetimeWithin({ sessionLifetime }: SessionHold, { idleMs, absoluteMs }: SessionBounds): Lifetime {
  return {
    idleMs: Math.min(sessionLifetime.idleMs, idleMs ?? Number.POSITIVE_INFINITY),
    absoluteMs: Math.min(sessionLifetime.absoluteMs, absoluteMs ?? Number.POSITIVE_INFINITY),
  };
}

function quotaWithin({ sessionQuota }: SessionHold, { maxSessions }: SessionBounds): Quota {
  const own = sessionQuota.ofKind?.["session"] ?? Number.POSITIVE_INFINITY;
  const most = Math.min(own, maxSessions ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(most) ? { ...sessionQuota, ofKind: { ...sessionQuota.ofKind, session: most } } : sessionQuota;
}

/**
 * Callers nobody knows, on an endpoint that was opened to the public. There a handle is a capability: each is its own owner,
 * so there is nothing that two of them share, and nothing to list (trap F22).
 */
import { ownerOf } from "../record/ids.ts";
import type { Owner } from "../record/record.ts";
import type { Principal } from "./principal.ts";

const anonymousIssuer = "anonymous";
/** Of callers without a session. Nothing is kept under it that is anybody's. */
const anyone = "anyone";

export function isAnonymous({ issuer }: Pick<Principal, "issuer">): boolean {
  return issuer === anonymousIssuer;
}

/** @param handle of the session that the caller has proven to know, or is about to be given. */
export function anonymousPrincipal(handle: string = anyone): Principal {
  return { issuer: anonymousIssuer, subject: handle, scopes: [] };
}

/** Whether a caller has no partition of its own, not even that of a session. */
export function isAnyone({ issuer, subject }: Pick<Principal, "issuer" | "subject">): boolean {
  return issuer === anonymousIssuer && subject === anyone;
}

/** The partition of one handle. */
export function ownerOfHandle(handle: string): Owner {
  return ownerOf({ issuer: anonymousIssuer, subject: handle });
}

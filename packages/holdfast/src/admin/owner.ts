import type { Owner } from "../record/record.ts";
import { ownerOfPrincipal } from "../security/principal.ts";

/**
 * The partition of a principal, for operators who know its issuer and subject. Throws `INVALID_ARGUMENT` where either is
 * empty, or the issuer is the engine's.
 *
 * @example
 * const alice = ownerOfIdentity({ issuer: "https://id.example.com", subject: "alice" });
 * const { bytes } = await store.usage(alice);
 */
export function ownerOfIdentity(identity: { readonly issuer: string; readonly subject: string }): Owner {
  return ownerOfPrincipal({ ...identity, scopes: [] });
}

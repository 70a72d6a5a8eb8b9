import { HoldfastError } from "../record/errors.ts";
import { ownerOf } from "../record/ids.ts";
import type { Owner } from "../record/record.ts";

/** Who is asking. Identity is issuer and subject; the client id binds transport sessions but never names state. */
export type Principal = {
  /** The issuer of the verified token; `local` for the local user, `token` for static tokens. */
  readonly issuer: string;
  readonly subject: string;
  /** The OAuth client the token was issued to, where known. */
  readonly clientId?: string | undefined;
  readonly scopes: readonly string[];
};

/** Everyone on stdio, and everyone on loopback without authentication. */
export const localUser: Principal = { issuer: "local", subject: "user", scopes: ["admin"] };

/**
 * The partition that holds everything of a principal.
 *
 * Throws `INVALID_ARGUMENT` unless issuer and subject are non-empty texts: everyone whose identity was left out would
 * otherwise share one partition.
 */
export function ownerOfPrincipal(principal: Principal): Owner {
  for (const part of ["issuer", "subject"] as const) {
    if (typeof principal[part] === "string" && principal[part] !== "") continue;
    throw new HoldfastError("INVALID_ARGUMENT", `a principal needs ${part} to be a text that is not empty`);
  }
  return ownerOf(principal);
}

import { HoldfastError } from "../record/errors.ts";
import { ownerOf } from "../record/ids.ts";
import type { Owner } from "../record/record.ts";

/** Who is asking. Identity is issuer and subject; the client id binds transport sessions but never names state. */
export type Principal = {
  /** The issuer of the verified token; `local` for the local user, `token` for static tokens. Never `holdfast`. */
  readonly issuer: string;
  readonly subject: string;
  /** The OAuth client the token was issued to, where known. */
  readonly clientId?: string | undefined;
  readonly scopes: readonly string[];
};

/**
 * Everyone on stdio, and everyone on loopback without authentication.
 *
 * @example
 * const mine = await hold.state(localUser).basket.list();
 */
export const localUser: Principal = { issuer: "local", subject: "user", scopes: ["admin"] };

/** The issuer of the engine's own partitions, such as that of its nodes. No caller's identity may have it. */
export const engineIssuer = "holdfast";

/**
 * The partition that holds everything of a principal.
 *
 * Throws `INVALID_ARGUMENT` unless issuer and subject are non-empty texts: everyone whose identity was left out would
 * otherwise share one partition. The same for the issuer `holdfast`, whose partitions are the engine's.
 */
export function ownerOfPrincipal(principal: Principal): Owner {
  for (const part of ["issuer", "subject"] as const) {
    if (typeof principal?.[part] === "string" && principal[part] !== "") continue;
    throw new HoldfastError("INVALID_ARGUMENT", `a principal needs ${part} to be a text that is not empty`);
  }
  if (principal.issuer === engineIssuer) {
    throw new HoldfastError("INVALID_ARGUMENT", `the issuer "${engineIssuer}" is holdfast's own; no principal has it`);
  }
  return ownerOf(principal);
}

import { isWellFormed } from "../../record/text.ts";
import type { Principal } from "../principal.ts";
import type { ResolvedOAuthOptions, TokenClaims } from "./options.ts";

/**
 * Who a verified token speaks for: issuer and subject, so that a second device or a client that was installed again finds
 * its state. Only where a token has no `sub` at all is it the client: one that is empty or no text is a fault of the
 * issuer's, and all its users would be one. Tenant and client stand in the issuer's fragment, which no issuer has, so that
 * no two identities are spelt alike. Undefined where the token does not say who.
 */
export function principalOf(claims: TokenClaims, { issuer, tenantClaim }: ResolvedOAuthOptions): Principal | undefined {
  const clientId = text(claims["client_id"]) ?? text(claims["azp"]);
  const user = text(claims["sub"]);
  if (user === undefined && claims["sub"] !== undefined) return undefined;
  const subject = user ?? clientId;
  const tenant = tenantClaim === undefined ? undefined : text(claims[tenantClaim]);
  if (subject === undefined || (tenantClaim !== undefined && tenant === undefined)) return undefined;
  const marks = [
    ...(tenant === undefined ? [] : [`tenant=${encodeURIComponent(tenant)}`]),
    ...(user === undefined ? ["client"] : []),
  ];
  return {
    issuer: marks.length === 0 ? issuer : `${issuer}#${marks.join("&")}`,
    subject,
    clientId,
    scopes: scopesOf(claims),
  };
}

/** `scope` as RFC 9068 has it; `scp` as some issuers do, a text or a list. */
function scopesOf(claims: TokenClaims): readonly string[] {
  const given = claims["scope"] ?? claims["scp"] ?? [];
  const listed: readonly unknown[] = Array.isArray(given) ? given : [given];
  const words = listed.flatMap((each) => (typeof each === "string" ? each.split(" ") : []));
  return [...new Set(words.filter((word) => word !== ""))];
}

/** Halves of characters, which JSON can hold, are no name: in UTF-8 all of them are spelt alike. */
function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && isWellFormed(value) ? value : undefined;
}

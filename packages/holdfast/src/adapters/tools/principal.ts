import { HoldfastError } from "../../record/errors.ts";
import type { Principal } from "../../security/principal.ts";

/** What the SDK, and tmcp, hand on of a token that was verified. Nothing here verifies it: what the host did not check must not get here. */
export type TokenInfo = {
  readonly clientId?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
};

/** Who is taken to have issued a token that does not say so. It has to be the same on every node: issuer and subject are whose state it is. */
export type PrincipalOfTokenOptions = {
  /** Who issued the token, where it does not say so itself in `extra.iss`. Default `token`. */
  readonly issuer?: string;
};

/**
 * The principal of a verified token: issuer and subject as `extra.iss` and `extra.sub` say, where the verifier put
 * them; the client's id only where the token has no user. Throws `FORBIDDEN` without a token: nobody in particular would be
 * everybody.
 *
 * @example
 * const tool = statefulTools(hold, { principal: ({ authInfo }: { authInfo?: TokenInfo }) => principalOfToken(authInfo) });
 */
export function principalOfToken(
  token: TokenInfo | undefined | null,
  options: PrincipalOfTokenOptions = {},
): Principal {
  const clientId = textOf(token?.clientId);
  const subject = textOf(token?.extra?.["sub"]) ?? clientId;
  if (token === undefined || token === null || subject === undefined) {
    throw new HoldfastError(
      "FORBIDDEN",
      "nobody is signed in; turn the host's authentication on, or name a principal for all",
    );
  }
  const issuer = textOf(token.extra?.["iss"]) ?? options.issuer ?? "token";
  return { issuer, subject, scopes: [...(token.scopes ?? [])], ...(clientId !== undefined && { clientId }) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** An OAuth resource server: access tokens that are JSON Web Tokens, verified with the issuer's published keys. */
import { type JWTPayload, errors as joseErrors, jwtVerify } from "jose";
import { isHoldfastError } from "../../record/errors.ts";
import type { AuthAnswer, Authenticate, AuthRequest } from "../authenticate.ts";
import { bearerChallenge } from "../challenge.ts";
import { principalOf } from "./identity.ts";
import { KeySet } from "./key-set.ts";
import { metadataOf, pathOf, placesOf, resourcePath } from "./metadata.ts";
import { type OAuthOptions, type ResolvedOAuthOptions, resolveOAuthOptions } from "./options.ts";

/** What `oauth()` makes: who calls by an access token, and the metadata that tells clients where to get one. */
export interface OAuth {
  /** For `serve(…, { authenticate })`. Throws `UNAVAILABLE` while the issuer's keys cannot be had: no answer is better than a wrong one. */
  readonly authenticate: Authenticate;
  /**
   * The protected resource metadata (RFC 9728) for a GET of `/.well-known/oauth-protected-resource` or what lies under it,
   * which needs no token. Undefined for every other path.
   */
  readonly metadata: (request: Pick<AuthRequest, "header" | "url">) => Readonly<Record<string, unknown>> | undefined;
}

/** Only what a published key can verify: never a shared secret, never none. */
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const maxTokenCharacters = 16 * 1024;

/**
 * Takes access tokens of one issuer, as a resource server of 2026-07-28 `basic/authorization` ("Access Token Usage"). A
 * principal is the token's issuer and subject, and the tenant where one is asked for.
 *
 * Throws `CONFIGURATION` for options that do not exist or cannot be.
 *
 * @example
 * const { authenticate, metadata } = oauth({
 *   issuer: "https://id.example.com",
 *   audience: "https://mcp.example.com/mcp",
 *   jwks: new URL("https://id.example.com/.well-known/jwks.json"),
 * });
 * const mcp = serve(hold, info, build, { authenticate });
 */
export function oauth(options: OAuthOptions): OAuth {
  const resolved = resolveOAuthOptions(options);
  const keys = new KeySet(resolved);
  return {
    authenticate: (request) => authenticate(request, resolved, keys),
    metadata: ({ header, url }) => {
      const path = resourcePath(pathOf(url));
      if (path === undefined) return undefined;
      const places = placesOf({ header, url: path }, resolved.resource);
      return places === undefined ? undefined : metadataOf(places.resource, resolved);
    },
  };
}

async function authenticate(request: AuthRequest, options: ResolvedOAuthOptions, keys: KeySet): Promise<AuthAnswer> {
  const resourceMetadata = placesOf(request, options.resource)?.metadata;
  const refused = (message: string, error?: "invalid_token"): AuthAnswer => ({
    ok: false,
    status: 401,
    message,
    challenge: bearerChallenge({
      ...(error && { error, description: message }),
      scopes: options.requiredScopes,
      resourceMetadata,
    }),
  });
  const header = request.header("authorization");
  if (header === undefined) return refused("this server needs an access token");
  const token = /^bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1];
  if (token === undefined || token.length > maxTokenCharacters)
    return refused("the token is not valid", "invalid_token");
  const verified = await verify(token, options, keys);
  if (typeof verified === "string") return refused(verified, "invalid_token");
  const principal = principalOf(verified, options);
  if (principal === undefined) return refused("the token does not say whose it is", "invalid_token");
  if ((await options.revoked?.(verified)) === true) return refused("the token has been revoked", "invalid_token");
  const missing = options.requiredScopes.filter((scope) => !principal.scopes.includes(scope));
  if (missing.length === 0) return { ok: true, principal, ...(resourceMetadata !== undefined && { resourceMetadata }) };
  return insufficientScope(options.requiredScopes, resourceMetadata);
}

/** The claims of a token that is good here and now, or what is wrong with it. */
async function verify(token: string, options: ResolvedOAuthOptions, keys: KeySet): Promise<JWTPayload | string> {
  try {
    const { payload } = await jwtVerify(token, keys.find, {
      algorithms,
      issuer: options.issuer,
      audience: [...[options.audience].flat()],
      clockTolerance: options.clockToleranceMs / 1_000,
      // A token without an end could never be taken back.
      requiredClaims: ["exp"],
    });
    return payload;
  } catch (error) {
    if (isHoldfastError(error)) throw error;
    // Which check failed helps clients with a token of their own, and nobody to forge one; details stay here.
    if (error instanceof joseErrors.JWTExpired) return "the token has expired";
    return "the token is not valid";
  }
}

function insufficientScope(scopes: readonly string[], resourceMetadata: string | undefined): AuthAnswer {
  return {
    ok: false,
    status: 403,
    message: `this server needs the scope ${scopes.join(" ")}`,
    challenge: bearerChallenge({ error: "insufficient_scope", scopes, resourceMetadata }),
  };
}

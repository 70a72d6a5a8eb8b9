import type { JSONWebKeySet } from "jose";
import { HoldfastError } from "../../record/errors.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";

/** What an access token says, once it is verified. */
export type TokenClaims = Readonly<Record<string, unknown>>;

/** Whose access tokens `oauth()` takes, and for what. Unknown names and what cannot be throw `CONFIGURATION`. */
export type OAuthOptions = {
  /** Who issues tokens: the `iss` they carry, exactly. Also where clients are sent for one. */
  readonly issuer: string;
  /** The `aud` a token has to carry, or one of several: what this server is called where tokens are issued. */
  readonly audience: string | readonly string[];
  /** The issuer's keys: where they are published, a file with them, or the keys themselves. */
  readonly jwks: URL | { readonly file: string } | JSONWebKeySet;
  /** Scopes that every request needs. Default: none. */
  readonly requiredScopes?: readonly string[];
  /** Scopes that clients are told about besides. */
  readonly offeredScopes?: readonly string[];
  /** A claim that names the tenant of a user. Part of who somebody is; a token without it is refused. */
  readonly tenantClaim?: string;
  /** How far clocks may be apart, in milliseconds. Default 30,000. */
  readonly clockToleranceMs?: number;
  /** The URL at which clients reach the MCP endpoint. Default: as they asked for it, https unless on loopback. */
  readonly resource?: string;
  /** Says of a token that was verified that it is no longer good. Asked for each request: it has to be quick. */
  readonly revoked?: (claims: TokenClaims) => boolean | Promise<boolean>;
  /** How long fetched keys count as fresh, in milliseconds. Default 600,000. Older ones serve while none can be had. */
  readonly maxKeyAgeMs?: number;
  /** At most this often keys are fetched again, whatever tokens ask for, in milliseconds. Default 30,000. */
  readonly keyCooldownMs?: number;
};

export type ResolvedOAuthOptions = Required<Omit<OAuthOptions, "tenantClaim" | "resource" | "revoked">> &
  Pick<OAuthOptions, "tenantClaim" | "resource" | "revoked">;

const names: Readonly<Record<keyof OAuthOptions, true>> = {
  issuer: true,
  audience: true,
  jwks: true,
  requiredScopes: true,
  offeredScopes: true,
  tenantClaim: true,
  clockToleranceMs: true,
  resource: true,
  revoked: true,
  maxKeyAgeMs: true,
  keyCooldownMs: true,
};

/** Throws `CONFIGURATION`, naming the option and what it may be. */
export function resolveOAuthOptions(options: OAuthOptions): ResolvedOAuthOptions {
  refuseUnknownNames("oauth", options, Object.keys(names));
  const { issuer, audience, jwks, resource } = options;
  // A fragment is where the tenant goes, so that no two identities are spelt alike.
  if (!isUrl(issuer) || /[?#]/.test(issuer)) throw wrong("issuer is a URL without query and fragment");
  if ([audience].flat().length === 0 || [audience].flat().includes("")) throw wrong("audience is a text, or several");
  if (jwks instanceof URL && !isSafe(jwks)) throw wrong("jwks is fetched over https, or over http from this machine");
  if (resource !== undefined && (!isUrl(resource) || resource.includes("#"))) {
    throw wrong("resource is a URL without fragment");
  }
  const times = ["clockToleranceMs", "maxKeyAgeMs", "keyCooldownMs"] as const;
  for (const time of times) {
    const value = options[time];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 0)) {
      throw wrong(`${time} is a whole number of milliseconds`);
    }
  }
  return {
    requiredScopes: [],
    offeredScopes: [],
    clockToleranceMs: 30_000,
    maxKeyAgeMs: 600_000,
    keyCooldownMs: 30_000,
    ...options,
  };
}

/** Keys decide who somebody is: nobody on the way may change them. */
function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && isLoopbackName(hostname));
}

export function isLoopbackName(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function isUrl(text: string): boolean {
  return typeof text === "string" && /^https?:\/\//.test(text) && URL.canParse(text);
}

function wrong(what: string): HoldfastError {
  return new HoldfastError("CONFIGURATION", `oauth: ${what}`);
}

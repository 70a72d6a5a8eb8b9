import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { HoldfastError } from "holdfast/contract";
import { oauth } from "holdfast/oauth";

import type { Settings } from "../settings/table.ts";
import { withoutPassword } from "../settings/without-password.ts";
import type { ChosenAuthentication } from "./choose.ts";

/** Access tokens of an issuer, as configured. Throws `CONFIGURATION` for what cannot be. */
export function authenticateOAuth(settings: Settings, jwks: string): ChosenAuthentication {
  const { authIssuer = "", authAudience = [], authScopes, authTenantClaim, authClockTolerance, publicUrl } = settings;
  const { authenticate, metadata } = oauth({
    issuer: authIssuer,
    audience: authAudience,
    jwks: keysAt(jwks),
    // Among our tools one scope makes a difference; clients may ask for it.
    offeredScopes: ["admin"],
    clockToleranceMs: authClockTolerance,
    ...(authScopes !== undefined && { requiredScopes: authScopes }),
    ...(authTenantClaim !== undefined && { tenantClaim: authTenantClaim }),
    ...(publicUrl !== undefined && { resource: publicUrl }),
  });
  return {
    authenticate,
    metadata,
    summary: `oauth: access tokens of ${authIssuer} for ${authAudience.join(" or ")}`,
    warnings:
      publicUrl === undefined && settings.allowedHosts === undefined
        ? [
            "without --public-url, clients are told the name they asked for: set it to the URL they reach this server at",
          ]
        : [],
  };
}

/** A file is looked at now, so that a wrong name is not found out by the first caller. */
function keysAt(place: string): URL | { readonly file: string } {
  if (/^https?:\/\//.test(place)) {
    if (URL.canParse(place)) return new URL(place);
    throw new HoldfastError("CONFIGURATION", `--auth-jwks ${withoutPassword(place)} is no URL`);
  }
  const file = resolve(place);
  try {
    const { keys } = JSON.parse(readFileSync(file, "utf8")) as { readonly keys?: unknown };
    if (!Array.isArray(keys)) throw new Error('it has to hold { "keys": [ … ] }');
  } catch (error) {
    const reason = error instanceof SyntaxError ? "it is not valid JSON" : error instanceof Error ? error.message : "";
    throw new HoldfastError("CONFIGURATION", `the key set ${place} cannot be used: ${reason}`, { cause: error });
  }
  return { file };
}

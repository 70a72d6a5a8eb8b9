import { createHmac, randomBytes } from "node:crypto";
import type { AuthAnswer, Authenticate, Principal } from "holdfast";

import type { TokenEntry } from "./token-file.ts";

/**
 * Bearer tokens from a fixed table. Tokens are not kept: a table of keyed digests is, so that how long a lookup takes
 * says nothing about any token, and a dump of this process's memory shows none.
 */
export function authenticateTokens(entries: readonly TokenEntry[]): Authenticate {
  const key = randomBytes(32);
  const digest = (token: string): string => createHmac("sha256", key).update(token, "utf8").digest("base64");
  const principals = new Map<string, Principal>(entries.map(({ token, principal }) => [digest(token), principal]));

  return (request) => {
    const header = request.header("authorization");
    if (header === undefined) return refused("", "this server needs a token: send Authorization: Bearer <token>");
    const token = /^bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1];
    const principal = token === undefined ? undefined : principals.get(digest(token));
    if (principal === undefined) return refused(', error="invalid_token"', "the token is not valid here");
    return { ok: true, principal };
  };
}

function refused(parameters: string, message: string): AuthAnswer {
  return { ok: false, status: 401, challenge: `Bearer realm="holdfast"${parameters}`, message };
}

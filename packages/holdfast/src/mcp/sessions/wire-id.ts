/**
 * The id a client carries: `handle.secret`. The handle names the session's records and may be shown and logged; the
 * secret proves possession and is stored as a hash only.
 */
import { createHash, timingSafeEqual } from "node:crypto";

import { mintId, mintSecret } from "../../record/ids.ts";

export type WireId = { readonly handle: string; readonly secret: string };

const secretBits = 256;
const wirePattern = /^(ses_[A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

export function mintWireId(): WireId {
  return { handle: mintId("ses"), secret: mintSecret(secretBits) };
}

export function formatWireId(id: WireId): string {
  return `${id.handle}.${id.secret}`;
}

/** Undefined for everything that was never minted here; such ids are not looked up. */
export function parseWireId(text: string): WireId | undefined {
  const [, handle, secret] = wirePattern.exec(text) ?? [];
  return handle === undefined || secret === undefined ? undefined : { handle, secret };
}

export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret, "utf8").digest("base64url");
}

/** Compares in constant time. A hash of another length is no hash of ours. */
export function secretMatches(secret: string, hash: string): boolean {
  const given = Buffer.from(hashSecret(secret), "latin1");
  const stored = Buffer.from(hash, "latin1");
  return given.length === stored.length && timingSafeEqual(given, stored);
}

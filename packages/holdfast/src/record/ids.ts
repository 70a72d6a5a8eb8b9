import { createHash, randomBytes } from "node:crypto";

import type { Owner } from "./record.ts";

const idPattern = /^[A-Za-z0-9_-]{1,128}$/;
const kindPattern = /^[a-z][a-z0-9.-]{0,63}$/;
const enginePrefix = "holdfast.";

export function isRecordId(text: string): boolean {
  return idPattern.test(text);
}

export function isKindName(text: string): boolean {
  return kindPattern.test(text);
}

/** Whether a kind is one of the engine's own: not listed to anybody, and counted for no quota but bytes. */
export function isEngineKind(name: string): boolean {
  return name.startsWith(enginePrefix);
}

/** A fresh id: a prefix, then 132 bits from the system's secure source as base64url. */
export function mintId(prefix: string): string {
  return `${prefix}_${mintSecret(132)}`;
}

/** At least `bits` bits from the system's secure source, as base64url. */
export function mintSecret(bits: number): string {
  const characters = Math.ceil(bits / 6);
  return randomBytes(Math.ceil((characters * 6) / 8))
    .toString("base64url")
    .slice(0, characters);
}

/** The id of a named record: the same name of the same owner always meets the same record. */
export function idOfName(prefix: string, name: string): string {
  return `${prefix}_${createHash("sha256").update(name, "utf8").digest("base64url").slice(0, 32)}`;
}

/**
 * The owner of a principal: a digest, so that keys have one shape and a store's file names nobody.
 * Identity is issuer and subject; a client id is deliberately no part of it (a second device finds its state).
 */
export function ownerOf(identity: { readonly issuer: string; readonly subject: string }): Owner {
  const digest = createHash("sha256")
    .update(JSON.stringify([identity.issuer, identity.subject]), "utf8")
    .digest("base64url");
  // The only place where a string becomes an owner.
  return digest.slice(0, 32) as Owner;
}

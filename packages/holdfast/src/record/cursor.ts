/**
 * Cursors of listings. A place in creation order counts what every owner of a store creates, so as plain text it would
 * tell each of them how busy the others are. A cursor is the place enciphered under a key of the store, bound to what
 * it continues: one block of a permutation nobody without the key can tell from chance.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

import { HoldfastError } from "./errors.ts";

const keyBytes = 16;
const pattern = /^[A-Za-z0-9_-]{22}$/;
const halfBlock = 8;

/** A key for `sealCursor`. Every opening of one store has to use the same. */
export function freshCursorKey(): Uint8Array {
  return randomBytes(keyBytes);
}

/**
 * Makes the cursor of a place in the order of creation.
 *
 * @param key from `freshCursorKey`.
 * @param scope what the cursor continues; it opens for no other.
 * @param place a whole number from 0.
 *
 * @example
 * const key = freshCursorKey(); // Once for a store, which keeps it.
 * const next = sealCursor(key, listingScope(owner, "basket"), 42);
 * openCursor(key, listingScope(owner, "basket"), next); // 42
 */
export function sealCursor(key: Uint8Array, scope: string, place: number): string {
  const block = Buffer.alloc(2 * halfBlock);
  tagOf(scope).copy(block);
  block.writeBigUInt64BE(BigInt(place), halfBlock);
  // One block, never two under each other: ECB is the bare permutation, which is what is wanted here.
  const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]).toString("base64url");
}

/** The place in a cursor. Throws `INVALID_ARGUMENT` for text that never was a cursor of this scope. */
export function openCursor(key: Uint8Array, scope: string, cursor: string): number {
  if (!pattern.test(cursor)) throw noCursor();
  const decipher = createDecipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  const block = Buffer.concat([decipher.update(Buffer.from(cursor, "base64url")), decipher.final()]);
  const place = Number(block.readBigUInt64BE(halfBlock));
  if (!block.subarray(0, halfBlock).equals(tagOf(scope)) || !Number.isSafeInteger(place)) throw noCursor();
  return place;
}

/** What cursors of one owner's listing of one kind continue. Neither owners nor kinds have a slash. */
export function listingScope(owner: string, kind: string): string {
  return `list/${owner}/${kind}`;
}

/** What cursors of the scan over all owners continue. */
export const scanScope = "scan";

/** What cursors of the scan over one owner continue. */
export function ownerScanScope(owner: string): string {
  return `scan/${owner}`;
}

function tagOf(scope: string): Buffer {
  return createHash("sha256").update(scope, "utf8").digest().subarray(0, halfBlock);
}

function noCursor(): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", "`after` is no cursor of this listing");
}

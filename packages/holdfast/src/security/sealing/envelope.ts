/**
 * One sealed text: `hs1.KEY.BODY`, where the body is nonce, ciphertext and tag of AES-256-GCM. The key is derived for one
 * owner, and what the text belongs to is authenticated with it: anywhere else it does not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { Owner } from "../../record/record.ts";
import type { SealingKey } from "./keys.ts";

const format = "hs1";
const nonceBytes = 12;
const tagBytes = 16;
const pattern = /^hs1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)$/;

/** What a text is bound to: all of it has to be the same when it is opened. */
export type Bonds = readonly (string | number | null)[];

export type Envelope = { readonly keyId: string; readonly body: string };

/** The key of one owner. Who learns it can read nothing of anybody else. */
export function deriveKey({ secret }: SealingKey, owner: Owner): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", `holdfast.sealing.1/${owner}`, 32));
}

export function sealText(keyId: string, key: Buffer, bonds: Bonds, text: string): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(bound(keyId, bonds));
  const body = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return `${format}.${keyId}.${body.toString("base64url")}`;
}

/** Undefined for what is no sealed text at all. */
export function parseEnvelope(text: string): Envelope | undefined {
  const [, keyId, body] = pattern.exec(text) ?? [];
  return keyId === undefined || body === undefined ? undefined : { keyId, body };
}

/** Undefined where it does not open: it was altered, or belongs somewhere else. */
export function openText({ keyId, body }: Envelope, key: Buffer, bonds: Bonds): string | undefined {
  const sealed = Buffer.from(body, "base64url");
  if (sealed.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(bound(keyId, bonds)).setAuthTag(sealed.subarray(-tagBytes));
  try {
    const opened = Buffer.concat([decipher.update(sealed.subarray(nonceBytes, -tagBytes)), decipher.final()]);
    return opened.toString("utf8");
  } catch {
    return undefined;
  }
}

function bound(keyId: string, bonds: Bonds): Buffer {
  return Buffer.from(JSON.stringify([format, keyId, ...bonds]), "utf8");
}

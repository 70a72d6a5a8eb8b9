/**
 * State that a server hands to its client and wants back untouched, unread and in the same place.
 *
 * Sealed with AES-256-GCM under a key of a ring: the first key seals, all open, so that keys can be changed while states
 * are out. Inside lie the value, whom and what it was made for, until when it is good, and an id.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";

import { HoldfastError, isHoldfastError } from "../record/errors.ts";
import { mintSecret, ownerOf } from "../record/ids.ts";
import { refuseUnknownNames } from "../record/option-names.ts";

/** A secret of at least 32 bytes; a text counts as its UTF-8 bytes. */
export type RequestStateKey = string | Uint8Array;

/** The keys of `requestStateCodec()`, and how long states are good. What cannot be throws `INVALID_ARGUMENT`. */
export type RequestStateOptions = {
  /** Secrets of at least 32 bytes. The first seals, all open: put a new one first, and take an old one out a while later. */
  readonly keys: readonly RequestStateKey[];
  /** How long a state is good, in milliseconds. Default 600,000. */
  readonly ttlMs?: number;
};

/** Whom and what a state is for. Presented in any other place it does not open. */
export type RequestStateBinding = {
  readonly principal: { readonly issuer: string; readonly subject: string };
  readonly method: string;
  /** The parameters of the request, as JSON; what belongs to the rounds is left out. */
  readonly params: unknown;
};

/** What `open()` of a codec gives back of a state that is good. */
export type OpenedRequestState = {
  readonly value: unknown;
  /** Unique to this state: what makes single use of it. */
  readonly id: string;
  readonly singleUse: boolean;
};

/**
 * Seals and opens the state that goes along with a question to the user, and returns with the answer: `requestState` of
 * 2026-07-28 `basic/patterns/mrtr`, bound to caller and request as its "Security Considerations" ask for.
 */
export interface RequestStateCodec {
  seal(value: unknown, binding: RequestStateBinding, options?: { readonly singleUse?: boolean }): string;
  /** Throws `INVALID_ARGUMENT`, always in the same words, whatever is wrong with it. */
  open(sealed: string, binding: RequestStateBinding): OpenedRequestState;
}

const version = "hs1";
const defaultTtlMs = 600_000;
const minKeyBytes = 32;
export const invalidStateText = "Invalid or expired requestState";

export type SealingKey = { readonly id: string; readonly key: Buffer };

type Payload = {
  readonly value: unknown;
  readonly principal: string;
  readonly request: string;
  readonly until: number;
  readonly id: string;
  readonly once: boolean;
  /** How often a call that counts once has asked. */
  readonly round?: number | undefined;
};

/**
 * Seals and opens states with keys that the caller keeps. `serve()` does this by itself, with keys of its store; this is
 * for servers built otherwise. Throws `INVALID_ARGUMENT` for keys that are too short.
 *
 * @example
 * const codec = requestStateCodec({ keys: [process.env.STATE_KEY ?? ""] });
 */
export function requestStateCodec(options: RequestStateOptions): RequestStateCodec {
  refuseUnknownNames("requestStateCodec()", options, ["keys", "ttlMs"]);
  const { keys, ttlMs = defaultTtlMs } = options;
  const ring = keys.map(sealingKey);
  const [first] = ring;
  if (first === undefined) throw new HoldfastError("INVALID_ARGUMENT", "requestStateCodec needs at least one key");
  return {
    seal: (value, binding, sealing = {}) => {
      refuseUnknownNames("seal()", sealing, ["singleUse"]);
      return sealState(first, value, binding, { ttlMs, singleUse: sealing.singleUse ?? false });
    },
    open: (sealed, binding) => {
      const opened = openState((id) => ring.find((key) => key.id === id), sealed);
      if (!opened.isFor(binding)) throw invalidState();
      return opened;
    },
  };
}

/** The key of a secret; its id tells which it is, and nothing else. */
export function sealingKey(secret: RequestStateKey): SealingKey {
  const bytes = typeof secret === "string" ? Buffer.from(secret, "utf8") : Buffer.from(secret);
  if (bytes.length < minKeyBytes) {
    throw new HoldfastError("INVALID_ARGUMENT", `a key of requestState has at least ${minKeyBytes} bytes`);
  }
  const key = Buffer.from(hkdfSync("sha256", bytes, "", "holdfast.requestState", 32));
  return { id: createHash("sha256").update(key).digest("base64url").slice(0, 8), key };
}

export function sealState(
  { id: keyId, key }: SealingKey,
  value: unknown,
  binding: RequestStateBinding,
  {
    ttlMs,
    singleUse,
    round,
  }: { readonly ttlMs: number; readonly singleUse: boolean; readonly round?: number | undefined },
): string {
  const payload: Payload = {
    value,
    principal: ownerOf(binding.principal),
    request: requestDigest(binding),
    until: Date.now() + ttlMs,
    id: mintSecret(132),
    once: singleUse,
    round,
  };
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(`${version}.${keyId}`));
  const sealed = Buffer.concat([
    nonce,
    cipher.update(JSON.stringify(payload), "utf8"),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  return `${version}.${keyId}.${sealed.toString("base64url")}`;
}

/** A state that opened, and has yet to be asked whether it is presented by whom and where it belongs. */
export class OpenState implements OpenedRequestState {
  readonly value: unknown;
  readonly id: string;
  readonly singleUse: boolean;
  readonly round: number | undefined;
  readonly #principal: string;
  readonly #request: string;

  constructor({ value, id, once, round, principal, request }: Payload) {
    this.value = value;
    this.id = id;
    this.singleUse = once;
    this.round = round;
    this.#principal = principal;
    this.#request = request;
  }

  isFor(binding: RequestStateBinding): boolean {
    return isSame(this.#principal, ownerOf(binding.principal)) && isSame(this.#request, requestDigest(binding));
  }
}

/** Throws `INVALID_ARGUMENT`, always in the same words. */
export function openState(keyOf: (id: string) => SealingKey | undefined, text: string): OpenState {
  // A client may send millions of dots: what is behind the third is not looked at.
  const [name, keyId = "", body = "", ...more] = text.split(".", 4);
  const key = keyOf(keyId);
  const sealed = Buffer.from(body, "base64url");
  if (name !== version || more.length > 0 || key === undefined || sealed.length < 28) throw invalidState();
  // The way it was written, and no other: a state has one spelling.
  if (sealed.toString("base64url") !== body) throw invalidState();
  const payload = decrypted(key, sealed);
  if (payload === undefined || Date.now() >= payload.until) throw invalidState();
  return new OpenState(payload);
}

/** Which key a state names. */
export function keyIdOf(text: string): string | undefined {
  return text.split(".", 2)[1];
}

function decrypted({ id, key }: SealingKey, sealed: Buffer): Payload | undefined {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(`${version}.${id}`)).setAuthTag(sealed.subarray(-16));
  try {
    const text = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString("utf8");
    // Only `sealState` writes what opens under our keys.
    return JSON.parse(text) as Payload;
  } catch {
    return undefined;
  }
}

export function invalidState(): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", invalidStateText);
}

export function isInvalidState(error: unknown): boolean {
  return isHoldfastError(error) && error.message === invalidStateText;
}

function requestDigest({ method, params }: RequestStateBinding): string {
  return createHash("sha256")
    .update(JSON.stringify([method, sorted(params)]), "utf8")
    .digest("base64url");
}

/** The same for equal JSON, whatever the order of members. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value ?? null;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const inOrder = members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  // An object again, and no list of pairs: a request may hold just that list.
  return Object.fromEntries(inOrder.map(([key, member]) => [key, sorted(member)]));
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { HoldfastError } from "../../record/errors.ts";
import type { Owner, RecordKey, Version } from "../../record/record.ts";
import { isWellFormed } from "../../record/text.ts";
import { type Bonds, deriveKey, openText, parseEnvelope, sealText } from "./envelope.ts";
import { askForKey, type SealingKey, type SealingKeys } from "./keys.ts";

/** Which state of a record a document is of. No two states of an id have the same, over all its incarnations. */
export type DocumentPlace = RecordKey & { readonly incarnation: Version; readonly version: Version };

/** What could not be opened, for whoever runs the server. */
export type SealAlarm = {
  readonly code: "seal-broken" | "seal-key-missing";
  readonly kind: string;
  readonly id: string;
  readonly keyId: string | undefined;
};

export type SealerOptions = {
  readonly keys: SealingKeys;
  /** Let through what was written before it was sealed. */
  readonly acceptUnsealed: boolean;
  readonly onAlarm: (alarm: SealAlarm) => void;
};

/** How long the answers of a ring of keys are remembered. A key that was taken away opens nothing after it. */
const rememberedMs = 10_000;
const maxRemembered = 10_000;
/** Before the key of an event: what it is bound to besides its record. */
const eventIdCharacters = 22;

/**
 * Seals and opens what a store keeps. Throws `SEAL_BROKEN` for what was altered, moved or never sealed, and
 * `SEAL_KEY_MISSING` where the key is gone; both are told as alarms, and neither says anything of the content.
 */
export class Sealer {
  readonly #options: SealerOptions;
  readonly #derived = new LRUCache<string, Buffer>({ max: maxRemembered, ttl: rememberedMs });
  #current: { readonly key: SealingKey; readonly at: number } | undefined;

  constructor(options: SealerOptions) {
    this.#options = options;
  }

  async currentKeyId(): Promise<string> {
    return (await this.#currentKey()).id;
  }

  /** @param field where only that member of the document is sealed. */
  async sealDocument(owner: Owner, place: DocumentPlace, text: string, field?: string): Promise<string> {
    refuseLoneSurrogates(text);
    const key = await this.#currentKey();
    return sealText(key.id, this.#derive(key, owner), documentBonds(owner, place, field), text);
  }

  async openDocument(owner: Owner, place: DocumentPlace, sealed: string, field?: string): Promise<string> {
    return await this.#open(owner, place, sealed, documentBonds(owner, place, field));
  }

  /** Bound to its record and stream, and to an id of its own that is made here: where it will stand is not known yet. */
  async sealEvent(owner: Owner, record: RecordKey, stream: string, data: string): Promise<string> {
    refuseLoneSurrogates(data);
    const key = await this.#currentKey();
    const id = randomBytes(16).toString("base64url");
    return `${id}.${sealText(key.id, this.#derive(key, owner), eventBonds(owner, record, stream, id), data)}`;
  }

  async openEvent(owner: Owner, record: RecordKey, stream: string, sealed: string): Promise<string> {
    const id = sealed.slice(0, eventIdCharacters);
    const text = isSealedEvent(sealed) ? sealed.slice(eventIdCharacters + 1) : sealed;
    return await this.#open(owner, record, text, eventBonds(owner, record, stream, id));
  }

  async #open(owner: Owner, { kind, id }: RecordKey, text: string, bonds: Bonds): Promise<string> {
    const envelope = parseEnvelope(text);
    if (envelope === undefined) {
      if (this.#options.acceptUnsealed) return text;
      throw this.#alarm("seal-broken", { kind, id }, undefined);
    }
    const key = await this.#keyOf(envelope.keyId, owner);
    if (key === undefined) throw this.#alarm("seal-key-missing", { kind, id }, envelope.keyId);
    const opened = openText(envelope, key, bonds);
    if (opened === undefined) throw this.#alarm("seal-broken", { kind, id }, envelope.keyId);
    return opened;
  }

  #alarm(code: SealAlarm["code"], { kind, id }: RecordKey, keyId: string | undefined): HoldfastError {
    this.#options.onAlarm({ code, kind, id, keyId });
    return code === "seal-broken"
      ? new HoldfastError("SEAL_BROKEN", `a sealed record of the kind "${kind}" is not what was sealed in its place`)
      : new HoldfastError(
          "SEAL_KEY_MISSING",
          `a record of the kind "${kind}" was sealed with a key that is not there`,
          {
            details: { keyId },
          },
        );
  }

  async #currentKey(): Promise<SealingKey> {
    const known = this.#current;
    if (known !== undefined && performance.now() - known.at < rememberedMs) return known.key;
    const key = await askForKey(() => this.#options.keys.current());
    this.#current = { key, at: performance.now() };
    return key;
  }

  async #keyOf(keyId: string, owner: Owner): Promise<Buffer | undefined> {
    const known = this.#derived.get(`${keyId}/${owner}`);
    if (known !== undefined) return known;
    const key = await askForKey(() => this.#options.keys.find(keyId));
    return key === undefined ? undefined : this.#derive(key, owner);
  }

  #derive(key: SealingKey, owner: Owner): Buffer {
    const name = `${key.id}/${owner}`;
    const known = this.#derived.get(name);
    if (known !== undefined) return known;
    const derived = deriveKey(key, owner);
    this.#derived.set(name, derived);
    return derived;
  }
}

/** Whether an event begins as a sealed one does. */
export function isSealedEvent(data: string): boolean {
  return data[eventIdCharacters] === "." && parseEnvelope(data.slice(eventIdCharacters + 1)) !== undefined;
}

/** UTF-8 cannot hold them: they would come back as other characters. A store refuses them too, but sees only ciphertext. */
function refuseLoneSurrogates(text: string): void {
  if (!isWellFormed(text)) throw new HoldfastError("INVALID_ARGUMENT", "the text to seal holds a lone surrogate");
}

function documentBonds(owner: Owner, place: DocumentPlace, field: string | undefined): Bonds {
  const { kind, id, incarnation, version } = place;
  return ["document", owner, kind, id, incarnation, version, field ?? null];
}

function eventBonds(owner: Owner, { kind, id }: RecordKey, stream: string, eventId: string): Bonds {
  return ["event", owner, kind, id, stream, eventId];
}

import type { Owner } from "../../record/record.ts";
import { type Bonds, deriveKey, openText, parseEnvelope, sealText } from "./envelope.ts";
import { askForKey, type SealingKeys } from "./keys.ts";

/** Seals secrets of the engine, which stand inside of a document. They can be made anew, so one that does not open is no alarm. */
export class Secrets {
  readonly acceptUnsealed: boolean;
  readonly #keys: SealingKeys;

  constructor({ keys, acceptUnsealed }: { readonly keys: SealingKeys; readonly acceptUnsealed: boolean }) {
    this.#keys = keys;
    this.acceptUnsealed = acceptUnsealed;
  }

  async seal(owner: Owner, bonds: Bonds, text: string): Promise<string> {
    const key = await askForKey(() => this.#keys.current());
    return sealText(key.id, deriveKey(key, owner), secretBonds(owner, bonds), text);
  }

  /** Undefined for what was altered, moved, or sealed with a key that is gone. */
  async open(owner: Owner, bonds: Bonds, sealed: string): Promise<string | undefined> {
    const envelope = parseEnvelope(sealed);
    if (envelope === undefined) return undefined;
    const key = await askForKey(() => this.#keys.find(envelope.keyId));
    return key && openText(envelope, deriveKey(key, owner), secretBonds(owner, bonds));
  }

  /** Tells what is sealed with the key that seals now. */
  async currently(): Promise<(sealed: string) => boolean> {
    const { id } = await askForKey(() => this.#keys.current());
    return (sealed) => parseEnvelope(sealed)?.keyId === id;
  }
}

function secretBonds(owner: Owner, bonds: Bonds): Bonds {
  return ["secret", owner, ...bonds];
}

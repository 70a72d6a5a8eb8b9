/**
 * Keys in the store, so that every node has the same: made when one is first needed, and changed about every month. Where there
 * are keys that seal what is stored, each lies there sealed with one of them, and the store alone opens no state.
 */
import { randomBytes } from "node:crypto";

import { HoldfastError } from "../../record/errors.ts";
import { ownerOf } from "../../record/ids.ts";
import type { Version } from "../../record/record.ts";
import { engineIssuer } from "../../security/principal.ts";
import { type SealingKey, sealingKey } from "../../security/request-state.ts";
import type { Secrets } from "../../security/sealing/secrets.ts";
import type { Store } from "../../store/contract.ts";
import type { KeyRing } from "./key-ring.ts";

const owner = ownerOf({ issuer: engineIssuer, subject: "keys" });
const key = { kind: "holdfast.keys", id: "request-state" } as const;
const rotateAfterMs = 30 * 24 * 3_600_000;
const maxKeys = 3;
/** Others make keys at the same time, but one of them is enough for all. */
const maxTries = 10;
/** How long a ring that was read is good: a key that another node has just made is looked for in any case. */
const trustMs = 60_000;

type StoredKey = { readonly madeAt: number; readonly secret?: string; readonly sealed?: string };
type Stored = { readonly keys: readonly StoredKey[] };
type Ring = { readonly newest: SealingKey; readonly keys: readonly SealingKey[]; readonly readAt: number };

export class StoredKeys implements KeyRing {
  readonly #store: Pick<Store, "read" | "commit">;
  readonly #secrets: Secrets | undefined;
  #ring: Ring | undefined;
  #loading: Promise<Ring> | undefined;

  constructor(store: Pick<Store, "read" | "commit">, secrets: Secrets | undefined) {
    this.#store = store;
    this.#secrets = secrets;
  }

  async newest(): Promise<SealingKey> {
    const known = this.#ring;
    const ring = known !== undefined && performance.now() - known.readAt < trustMs ? known : await this.#load();
    return ring.newest;
  }

  async find(id: string): Promise<SealingKey | undefined> {
    const known = this.#ring?.keys.find((one) => one.id === id);
    return known ?? (await this.#load()).keys.find((one) => one.id === id);
  }

  #load(): Promise<Ring> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #read(): Promise<Ring> {
    for (let tries = 0; tries < maxTries; tries += 1) {
      const { record, at } = await this.#store.read(owner, key);
      // Written below.
      const stored = record === undefined ? { keys: [] } : (JSON.parse(record.document) as Stored);
      const opened = await Promise.all(stored.keys.map(async (one) => ({ ...one, key: await this.#opened(one) })));
      const keys = opened.flatMap((one) => one.key ?? []);
      const isCurrent = await this.#kept();
      // Nodes that do not seal alike, as while settings are rolled out, each have a newest of their own.
      const newest = opened.find((one) => one.key !== undefined && isCurrent(one));
      if (newest?.key !== undefined && at - newest.madeAt < rotateAfterMs) {
        this.#ring = { newest: newest.key, keys, readAt: performance.now() };
        return this.#ring;
      }
      await this.#addKey(stored, record?.version, at);
    }
    throw new HoldfastError("UNAVAILABLE", "no key for states can be made: what seals it now does not open it");
  }

  /** How a key that is made now would be kept. */
  async #kept(): Promise<(one: StoredKey) => boolean> {
    if (this.#secrets === undefined) return ({ sealed }) => sealed === undefined;
    const isCurrent = await this.#secrets.currently();
    return ({ sealed }) => sealed !== undefined && isCurrent(sealed);
  }

  /** Undefined for a key that was sealed with one that is not there: states under it have been refused since that went. */
  async #opened({ secret, sealed, madeAt }: StoredKey): Promise<SealingKey | undefined> {
    const text =
      sealed === undefined
        ? this.#secrets === undefined || this.#secrets.acceptUnsealed
          ? secret
          : undefined
        : await this.#secrets?.open(owner, bonds(madeAt), sealed);
    return text === undefined ? undefined : sealingKey(Buffer.from(text, "base64url"));
  }

  /** Of several nodes that do this at once, one succeeds, and all read what it wrote. */
  async #addKey({ keys }: Stored, version: Version | undefined, at: number): Promise<void> {
    const secret = randomBytes(32).toString("base64url");
    const fresh: StoredKey =
      this.#secrets === undefined
        ? { secret, madeAt: at }
        : { sealed: await this.#secrets.seal(owner, bonds(at), secret), madeAt: at };
    const text = JSON.stringify({ keys: [fresh, ...keys].slice(0, maxKeys) } satisfies Stored);
    const change =
      version === undefined
        ? ({ ...key, expect: "absent", create: { text, lifetime: {} } } as const)
        : ({ ...key, expect: version, document: { text } } as const);
    await this.#store.commit(owner, [change]);
  }
}

function bonds(madeAt: number): readonly (string | number)[] {
  return [key.kind, key.id, madeAt];
}

import { randomBytes } from "node:crypto";

import { ownerOf } from "../../record/ids.ts";
import type { Version } from "../../record/record.ts";
import { engineIssuer } from "../../security/principal.ts";
import { type RequestStateKey, type SealingKey, sealingKey } from "../../security/request-state.ts";
import type { Store } from "../../store/contract.ts";

/** Where the keys that seal come from. */
export interface KeyRing {
  /** The key that seals now. */
  newest(): Promise<SealingKey>;
  /** Undefined if there is no such key, or none any more. */
  find(id: string): Promise<SealingKey | undefined>;
}

/** Keys that whoever runs the server keeps. */
export function givenKeys(keys: readonly RequestStateKey[]): KeyRing {
  const ring = keys.map(sealingKey);
  return {
    newest: async () => {
      const [first] = ring;
      if (first === undefined) throw new Error("no key was given");
      return first;
    },
    find: async (id) => ring.find((key) => key.id === id),
  };
}

const owner = ownerOf({ issuer: engineIssuer, subject: "keys" });
const key = { kind: "holdfast.keys", id: "request-state" } as const;
const rotateAfterMs = 30 * 24 * 3_600_000;
const maxKeys = 3;
/** How long a ring that was read is good: a key that another node has just made is looked for in any case. */
const trustMs = 60_000;

type Stored = { readonly keys: readonly { readonly secret: string; readonly madeAt: number }[] };
type Ring = { readonly keys: readonly SealingKey[]; readonly readAt: number };

/** Keys in the store, so that every node has the same: made when one is first needed, and changed about every month. */
export class StoredKeys implements KeyRing {
  readonly #store: Pick<Store, "read" | "commit">;
  #ring: Ring | undefined;
  #loading: Promise<Ring> | undefined;

  constructor(store: Pick<Store, "read" | "commit">) {
    this.#store = store;
  }

  async newest(): Promise<SealingKey> {
    const ring =
      this.#ring !== undefined && performance.now() - this.#ring.readAt < trustMs ? this.#ring : await this.#load();
    const [first] = ring.keys;
    if (first === undefined) throw new Error("the store keeps a ring without keys");
    return first;
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
    for (;;) {
      const { record, at } = await this.#store.read(owner, key);
      // Written below.
      const stored = record === undefined ? { keys: [] } : (JSON.parse(record.document) as Stored);
      const [newest] = stored.keys;
      if (newest !== undefined && at - newest.madeAt < rotateAfterMs) {
        this.#ring = {
          keys: stored.keys.map(({ secret }) => sealingKey(Buffer.from(secret, "base64url"))),
          readAt: performance.now(),
        };
        return this.#ring;
      }
      await this.#addKey(stored, record?.version, at);
    }
  }

  /** Of several nodes that do this at once, one succeeds, and all read what it wrote. */
  async #addKey({ keys }: Stored, version: Version | undefined, at: number): Promise<void> {
    const fresh = { secret: randomBytes(32).toString("base64url"), madeAt: at };
    const text = JSON.stringify({ keys: [fresh, ...keys].slice(0, maxKeys) } satisfies Stored);
    const change =
      version === undefined
        ? ({ ...key, expect: "absent", create: { text, lifetime: {} } } as const)
        : ({ ...key, expect: version, document: { text } } as const);
    await this.#store.commit(owner, [change]);
  }
}

import { randomUUID } from "node:crypto";

import { maxHintBytes, type Owner, type RecordKey } from "../record/record.ts";
import { utf8Length } from "../record/text.ts";
import type { Store } from "../store/contract.ts";
import type { EndedListener, EndedRecord } from "./hold.ts";

const topic = "holdfast.ended";

/**
 * Tells listeners which records are gone: at once for what this process ended, by hint for what others did.
 *
 * Hints may be lost, and some stores can only say that something has changed (processes that share a SQLite file, for
 * one): then nothing is heard of other processes. So a cache that is told nothing still has to verify what it holds.
 */
export class Ended {
  readonly #store: Store;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<EndedListener>();
  readonly #unsure = new Set<() => void>();
  /** Recognises the echo of this process's own hints. */
  readonly #self = randomUUID().slice(0, 8);
  #unsubscribe: (() => void) | undefined;

  constructor(store: Store, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /**
   * Subscribes to the store's hints while somebody listens, and not before.
   *
   * @param unsure called where a store can only say that something has changed.
   */
  listen(listener: EndedListener, unsure?: () => void): () => void {
    // Wrappers of their own let the same function listen twice and stop once.
    const own: EndedListener = (ended) => listener(ended);
    const ownUnsure = (): void => unsure?.();
    this.#listeners.add(own);
    if (unsure !== undefined) this.#unsure.add(ownUnsure);
    this.#unsubscribe ??= this.#store.subscribe(topic, (hint) => this.#onHint(hint));
    return () => {
      this.#listeners.delete(own);
      this.#unsure.delete(ownUnsure);
      if (this.#listeners.size === 0) this.close();
    };
  }

  /** Tells this process and, for kinds that connections depend on, the others, where hints carry text. */
  announce(owner: Owner, key: RecordKey, cause: EndedRecord["cause"], alsoElsewhere: boolean): void {
    this.#tell({ owner, kind: key.kind, id: key.id, cause });
    if (!alsoElsewhere) return;
    const hint = [this.#self, owner, cause, key.kind, key.id].join(" ");
    if (utf8Length(hint) > maxHintBytes) return;
    try {
      this.#store.publish(topic, hint);
    } catch (error) {
      this.#onError(error);
    }
  }

  close(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  #onHint(hint: string | undefined): void {
    if (hint === undefined) return this.#tellUnsure();
    const [sender, owner, cause, kind, id] = hint.split(" ");
    if (sender === this.#self || owner === undefined || kind === undefined || id === undefined) return;
    if (cause !== "ended" && cause !== "expired") return;
    // The hint was made by `announce` of another process from an owner.
    this.#tell({ owner: owner as Owner, kind, id, cause });
  }

  #tell(ended: EndedRecord): void {
    for (const listener of this.#listeners) this.#try(() => listener(ended));
  }

  #tellUnsure(): void {
    for (const listener of this.#unsure) this.#try(listener);
  }

  #try(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#onError(error);
    }
  }
}

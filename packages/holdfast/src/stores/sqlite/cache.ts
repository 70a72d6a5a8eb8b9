/**
 * What this connection knows to be true of the file. Valid as long as SQLite's `data_version` says that no other
 * connection has committed; own commits are put in as they succeed. Bounded by estimated bytes.
 */
import { LRUCache } from "lru-cache";

import type { Account } from "./account.ts";
import { type Entry, weightOf } from "./entry.ts";

const accountWeight = 600;

export class Cache {
  readonly #entries: LRUCache<string, Entry>;
  readonly #accounts: LRUCache<string, Account>;
  #dataVersion: number | undefined;

  constructor(maxBytes: number) {
    // The library takes whole numbers only.
    const eighth = Math.floor(maxBytes / 8);
    this.#entries = new LRUCache({ maxSize: maxBytes, maxEntrySize: eighth, sizeCalculation: weightOf });
    this.#accounts = new LRUCache({
      maxSize: Math.max(accountWeight, eighth),
      sizeCalculation: () => accountWeight,
    });
  }

  /** Forgets everything unless the file is as it was. Call inside a transaction. Says what it found. */
  revalidate(dataVersion: number): "same" | "unknown" | "changed" {
    if (this.#dataVersion === dataVersion) return "same";
    const found = this.#dataVersion === undefined ? "unknown" : "changed";
    this.clear();
    this.#dataVersion = dataVersion;
    return found;
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  keepEntry(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
  }

  dropEntry(key: string): void {
    this.#entries.delete(key);
  }

  account(owner: string): Account | undefined {
    return this.#accounts.get(owner);
  }

  keepAccount(owner: string, account: Account): void {
    this.#accounts.set(owner, account);
  }

  clear(): void {
    this.#entries.clear();
    this.#accounts.clear();
    this.#dataVersion = undefined;
  }

  get bytes(): number {
    return this.#entries.calculatedSize + this.#accounts.calculatedSize;
  }
}

/** Kinds and ids have no slash. */
export function cacheKey(accountRow: number, kind: string, id: string): string {
  return `${accountRow}/${kind}/${id}`;
}

import { LRUCache } from "lru-cache";

import type { Store } from "../../store/contract.ts";
import { KeyedMutex } from "../keyed-mutex.ts";
import { leaseTopic } from "./wakes.ts";

/** Longest anybody may wait for a lease. */
export const maxWaitMs = 600_000;

/** What one process knows of leases. All of it bounded, none of it trusted: the store decides. */
export class LeaseDesk {
  /** Callers of this process who wait for one lease, first come first served. */
  readonly line: KeyedMutex = new KeyedMutex({ maxWaiting: 1_000, maxWaitMs });
  /** Leases that others were seen to wait for: who comes now looks at the line first. */
  readonly crowded: LRUCache<string, true> = new LRUCache({ max: 10_000 });
  /** Locks taken by this process, by address, until they are given back here or their time is over. */
  readonly #held: LRUCache<string, number> = new LRUCache({ max: 100_000 });
  readonly #store: Store;
  readonly #onError: (error: unknown) => void;

  constructor(store: Store, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /** How many locks were taken here and are held still, as far as this process knows. */
  get held(): number {
    this.#held.purgeStale();
    return this.#held.size;
  }

  took(address: string, token: number, ttlMs: number): void {
    this.#held.set(address, token, { ttl: Math.max(1, Math.ceil(ttlMs)) });
  }

  gave(address: string, token: number): void {
    if (this.#held.peek(address) === token) this.#held.delete(address);
  }

  /** Wakes those who wait for a lease, here and elsewhere. */
  wake(leaseId: string): void {
    try {
      this.#store.publish(leaseTopic, leaseId);
    } catch (error) {
      this.#onError(error);
    }
  }
}

/**
 * Updates that lose again and again take a lease that belongs to the record, and whoever updates the record waits for it.
 *
 * That there is one is told by a counter of the record, raised in the commit that takes the lease. Every update
 * reads the record anyway, so looking costs nothing: only a value not seen before is a reason to look at the lease. A
 * holder that dies leaves nothing to clean up, since its lease ends by itself and the counter only says "look".
 *
 * A process keeps the lease for those who queue behind it, within bounds, since passing it on costs more than an update.
 * The lease is for progress alone. What keeps updates right is, as always, the version they are committed at.
 */
import { LRUCache } from "lru-cache";

import { isHoldfastError } from "../record/errors.ts";
import { idOfName } from "../record/ids.ts";
import type { RecordKey, StoredRecord, Version } from "../record/record.ts";
import type { Engine } from "./engine.ts";
import { type Leasehold, release } from "./leases/lease.ts";
import { acquireInTurn } from "./leases/line.ts";
import type { Scope } from "./scope.ts";
import { leasesCounter } from "./views.ts";

const leaseKind = "holdfast.lease";
const ttlMs = 5_000;
/** How long, and for how many updates, one process may keep it. */
const maxHoldMs = 150;
const maxHoldUpdates = 64;

export type UpdateLease = { readonly token: Version; readonly since: number; updates: number };

/** What updates ask of leases. */
export type LeasesOfUpdates = Pick<UpdateLeases, "inherit" | "carry" | "inUse" | "take" | "pass" | "taken">;

/** For updates that must do without. */
export const noUpdateLeases: LeasesOfUpdates = {
  taken: 0,
  inherit: () => undefined,
  carry: (_scope, _key, fn) => fn(),
  inUse: () => Promise.resolve(false),
  take: () => Promise.resolve(undefined),
  pass: () => Promise.resolve(),
};

export class UpdateLeases {
  readonly #engine: Engine;
  /** The counter as it was when this process last looked at the lease, or took it. */
  readonly #seen: LRUCache<string, number> = new LRUCache({ max: 10_000 });
  /** Leases kept for the next update of this process that queues for the record. */
  readonly #kept = new Map<string, UpdateLease>();
  taken = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The lease that the update before has left, if it is good still. Only for who has the record's mutex. */
  inherit(scope: Scope, key: RecordKey): UpdateLease | undefined {
    const address = scope.addressOf(key);
    const lease = this.#kept.get(address);
    this.#kept.delete(address);
    return lease !== undefined && performance.now() - lease.since < ttlMs / 2 ? lease : undefined;
  }

  /**
   * For who has the record's mutex and needs no lease: one that the update before has left goes on to who queues behind, or
   * back. Left lying, it would keep others waiting until it ends by itself.
   */
  async carry<Result>(scope: Scope, key: RecordKey, fn: () => Promise<Result>): Promise<Result> {
    const lease = this.inherit(scope, key);
    try {
      return await fn();
    } finally {
      if (lease !== undefined) await this.pass(scope, key, lease);
    }
  }

  /** Whether others update this record under a lease now. */
  async inUse(scope: Scope, record: StoredRecord, signal: AbortSignal | undefined): Promise<boolean> {
    const leases = record.counters.get(leasesCounter);
    const address = scope.addressOf(record);
    if (leases === undefined || leases === this.#seen.get(address)) return false;
    const standing = await this.#engine.read(scope.owner, holdOf(scope, record).key, { signal });
    if (standing.record !== undefined) return true;
    this.#seen.set(address, leases);
    return false;
  }

  /** Waits for the lease. Undefined if it did not come in time, or if there is no such record. */
  async take(
    scope: Scope,
    key: RecordKey,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<UpdateLease | undefined> {
    const also = [{ ...key, expect: "present", counters: [{ name: leasesCounter, by: 1 }] } as const];
    try {
      const grant = await acquireInTurn(this.#engine, holdOf(scope, key), { ttlMs, waitMs, also, signal });
      if (grant === undefined) return undefined;
      this.taken += 1;
      const leases = grant.applied.results[1]?.counters.get(leasesCounter);
      if (leases !== undefined) this.#seen.set(scope.addressOf(key), leases);
      return { token: grant.token, since: performance.now(), updates: 0 };
    } catch (error) {
      // The update itself finds out that the record is gone; one that has no room for a counter does without.
      if (isHoldfastError(error, "NOT_FOUND") || isHoldfastError(error, "QUOTA_EXCEEDED")) return undefined;
      throw error;
    }
  }

  /** Keeps the lease for who queues behind in this process, or passes it on to the others. */
  async pass(scope: Scope, key: RecordKey, lease: UpdateLease): Promise<void> {
    lease.updates += 1;
    const address = scope.addressOf(key);
    const isFresh = performance.now() - lease.since < maxHoldMs && lease.updates < maxHoldUpdates;
    if (isFresh && this.#engine.mutex.waitingFor(address) > 0) {
      this.#kept.set(address, lease);
      return;
    }
    // One that cannot be given back ends by itself.
    await release(this.#engine, holdOf(scope, key), lease.token).catch(() => undefined);
  }
}

function holdOf({ owner }: Scope, { kind, id }: RecordKey): Leasehold {
  return { owner, key: { kind: leaseKind, id: idOfName("upd", `${kind}/${id}`) }, text: "{}", fields: {} };
}

/**
 * The right to sweep a store, which one process has at a time: a record of the engine's in a partition no principal has.
 *
 *     absent ──take──> live at version t ──renew (same t)──> live at t ──release, or time──> absent
 *
 * It saves work and is not what makes sweeping right: removing what is over is idempotent, and what two processes find at
 * once is removed and told by one of them. So a process that was paused and goes on has a batch more than it should, and
 * nothing worse.
 */
import { ownerOf } from "../record/ids.ts";
import type { Owner, RecordKey, Version } from "../record/record.ts";
import { engineIssuer } from "../security/principal.ts";
import type { Store } from "../store/contract.ts";

const reaperKind = "holdfast.reaper";
const owner: Owner = ownerOf({ issuer: engineIssuer, subject: "reaper" });
const key: RecordKey = { kind: reaperKind, id: "reaper" };
const deadlineMs = 5_000;

/** Whether this process has it; otherwise for how long somebody else may. */
export type Hold = { readonly held: true } | { readonly held: false; readonly waitMs: number };

export class ReaperLease {
  readonly #store: Pick<Store, "read" | "commit">;
  readonly #ttlMs: number;
  #token: Version | undefined;
  /** On the clock of this process, counted from before the store was asked. */
  #until = 0;

  constructor(store: Pick<Store, "read" | "commit">, ttlMs: number) {
    this.#store = store;
    this.#ttlMs = ttlMs;
  }

  /** Takes it, or starts its time anew. Throws what the store throws; then nobody knows whether it is held. */
  async take(): Promise<Hold> {
    const askedAt = performance.now();
    const signal = AbortSignal.timeout(deadlineMs);
    const lifetime = { absoluteMs: this.#ttlMs };
    if (this.#token !== undefined) {
      const renewed = await this.#store.commit(owner, [{ ...key, expect: this.#token, lifetime }], { signal });
      if (renewed.ok) return this.#have(this.#token, askedAt);
      this.#token = undefined;
    }
    const taken = await this.#store.commit(owner, [{ ...key, expect: "absent", create: { text: "{}", lifetime } }], {
      signal,
    });
    if (taken.ok) return this.#have(taken.results[0]?.version, askedAt);
    const { record, at } = await this.#store.read(owner, key, { signal });
    return { held: false, waitMs: Math.max(0, (record?.expiresAt ?? at) - at) };
  }

  /** Whether it is still this process's. Asks the store where little of its time is left. */
  async keep(): Promise<boolean> {
    if (this.#token === undefined) return false;
    if (performance.now() < this.#until - this.#ttlMs / 2) return true;
    return (await this.take()).held;
  }

  /** Gives it back, if it is this process's. */
  async release(): Promise<void> {
    const token = this.#token;
    this.#token = undefined;
    if (token === undefined || performance.now() >= this.#until) return;
    await this.#store.commit(owner, [{ ...key, expect: token, end: true }], {
      signal: AbortSignal.timeout(deadlineMs),
    });
  }

  #have(token: Version | undefined, askedAt: number): Hold {
    this.#token = token;
    this.#until = askedAt + this.#ttlMs;
    return { held: true };
  }
}

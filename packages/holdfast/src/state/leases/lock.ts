import type { Version } from "../../record/record.ts";
import type { Engine } from "../engine.ts";
import { checkCall, checkRenew } from "../method-options.ts";
import type { CallOptions } from "../types.ts";
import { checkTtl } from "./duration.ts";
import { addressOf, type Leasehold, release, renew } from "./lease.ts";
import type { Lock, RenewOptions } from "./types.ts";

/** A lock as its holder sees it. */
export class HeldLock implements Lock {
  readonly name: string;
  readonly token: Version;
  readonly #engine: Engine;
  readonly #hold: Leasehold;
  readonly #ttlMs: number;
  #expiresAt: number | undefined;

  constructor(
    engine: Engine,
    name: string,
    hold: Leasehold,
    granted: { readonly token: Version; readonly ttlMs: number; readonly expiresAt?: number },
  ) {
    this.name = name;
    this.token = granted.token;
    this.#engine = engine;
    this.#hold = hold;
    this.#ttlMs = granted.ttlMs;
    this.#expiresAt = granted.expiresAt;
  }

  get expiresAt(): Date | undefined {
    return this.#expiresAt === undefined ? undefined : new Date(this.#expiresAt);
  }

  async renew(options: RenewOptions = {}): Promise<boolean> {
    checkRenew("renew", options);
    const { ttlMs = this.#ttlMs, signal } = options;
    checkTtl(ttlMs);
    const grant = await renew(this.#engine, this.#hold, this.token, ttlMs, signal);
    if (grant === undefined) return false;
    this.#expiresAt = grant.expiresAt;
    this.#engine.leases.took(addressOf(this.#hold), this.token, ttlMs);
    return true;
  }

  async release(options: CallOptions = {}): Promise<boolean> {
    checkCall("release", options);
    const { signal } = options;
    const released = await release(this.#engine, this.#hold, this.token, signal);
    this.#engine.leases.gave(addressOf(this.#hold), this.token);
    return released;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

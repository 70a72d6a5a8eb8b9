/** The registry of owners, as sweeps, scans and first commits use it. */
import type { Owner } from "../../record/record.ts";
import type { Client } from "./client.ts";
import { bucketOf, type Keys } from "./keys.ts";

/** An owner is looked at this often even if nothing is known to be due: who should have said so may have died. */
const longestMs = 60 * 60 * 1_000;

export class Owners {
  readonly #client: Client;
  readonly #keys: Keys;

  constructor(client: Client, keys: Keys) {
    this.#client = client;
    this.#keys = keys;
  }

  /** Makes sure that an owner is found by everybody, before anything of it is written. */
  async register(owner: Owner, now: number): Promise<void> {
    await this.#client.run("register", this.#keys.ofBucket(bucketOf(owner)), [owner, String(now + longestMs)]);
  }

  /**
   * Has an owner looked at by a certain time. What it concerns is written already, so that a failure is no failure of
   * the commit: the owner is found later.
   */
  async lookAt(owner: Owner, at: number, now: number): Promise<void> {
    const due = String(Math.min(at, now + longestMs));
    await this.#client.run("register", this.#keys.ofBucket(bucketOf(owner)), [owner, due]).catch(() => undefined);
  }

  /** Owners of a bucket that are due, which nobody else is given until the lease is over. */
  async claim(bucket: number, now: number, limit: number, leaseMs: number): Promise<readonly Owner[]> {
    const args = [String(now), String(limit), String(now + leaseMs)];
    // What stands in a bucket was an owner when it was put there.
    return (await this.#client.run("claim", this.#keys.ofBucket(bucket), args)) as readonly Owner[];
  }

  /** Owners of a bucket in alphabetical order. */
  async page(bucket: number, after: string, limit: number): Promise<readonly Owner[]> {
    const args = [after, String(limit)];
    return (await this.#client.run("owners", this.#keys.ofBucket(bucket), args)) as readonly Owner[];
  }
}

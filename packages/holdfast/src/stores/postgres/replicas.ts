/**
 * Reads on streaming replicas. A replica may answer for an owner once it has replayed the primary's log up to where this
 * store's last commit of that owner was in it, so whoever writes and reads through one node sees its own writes. Whatever
 * goes wrong here, the primary is asked instead.
 */
import { Client } from "./client.ts";
import type { Driver } from "./driver.ts";
import type { ResolvedPostgresOptions } from "./options.ts";
import type { Reader } from "./queries.ts";

export type ReplicaCounts = { answers: number; fallbacks: number };

/** A replica that is asked and cannot answer is slower than none: it gets little time, and a rest afterwards. */
const timeoutMs = 1_000;
const restMs = 5_000;
const maxOwners = 10_000;

type Replica = { readonly client: Client; restsUntil: number };

export class Replicas {
  readonly #replicas: readonly Replica[];
  /** How far a replica must have come, by owner; the last ones that wrote. */
  readonly #floors = new Map<string, string>();
  /** The same for every owner that is not among them. */
  #floor = "0/0";
  #turn = 0;
  readonly counts: ReplicaCounts = { answers: 0, fallbacks: 0 };

  constructor(driver: Driver, options: ResolvedPostgresOptions) {
    const { connectTimeoutMs, statementTimeoutMs } = options;
    this.#replicas = options.replicaUrls.map((url) => {
      const own = {
        ...options,
        url,
        connectTimeoutMs: Math.min(connectTimeoutMs, timeoutMs),
        statementTimeoutMs: Math.min(statementTimeoutMs, timeoutMs),
      };
      return { client: new Client(driver, own), restsUntil: 0 };
    });
  }

  /** @param lsn how far the log had come once a commit of these owners was in it. */
  wrote(owners: readonly string[], lsn: string): void {
    for (const owner of owners) {
      const floor = later(this.#floors.get(owner) ?? lsn, lsn);
      this.#floors.delete(owner);
      this.#floors.set(owner, floor);
    }
    for (const [owner, floor] of this.#floors) {
      if (this.#floors.size <= maxOwners) return;
      this.#floors.delete(owner);
      this.#floor = later(this.#floor, floor);
    }
  }

  /** Undefined where no replica has an answer that will do. */
  async ask<T>(
    owner: string,
    willDo: (answer: T) => boolean,
    ask: (from: Reader) => Promise<T>,
  ): Promise<{ readonly answer: T } | undefined> {
    const floor = this.#floors.get(owner) ?? this.#floor;
    const replica = this.#next();
    if (replica === undefined) return this.#fellBack();
    const behind = new Error("the replica has not come that far");
    const reader: Reader = {
      read: async (text, values) => {
        const rows = await replica.client.readReaching(floor, text, values);
        if (rows === undefined) throw behind;
        return rows;
      },
    };
    try {
      const answer = await ask(reader);
      if (!willDo(answer)) return this.#fellBack();
      this.counts.answers += 1;
      return { answer };
    } catch (error) {
      if (error !== behind) replica.restsUntil = performance.now() + restMs;
      return this.#fellBack();
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#replicas.map(({ client }) => client.close()));
  }

  #next(): Replica | undefined {
    const now = performance.now();
    const awake = this.#replicas.filter(({ restsUntil }) => restsUntil <= now);
    this.#turn += 1;
    return awake[this.#turn % awake.length];
  }

  #fellBack(): undefined {
    this.counts.fallbacks += 1;
    return undefined;
  }
}

/** The later of two points of a log, written as two hexadecimal numbers. */
function later(one: string, other: string): string {
  return numberOf(one) > numberOf(other) ? one : other;
}

function numberOf(lsn: string): bigint {
  const [high = "0", low = "0"] = lsn.split("/");
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

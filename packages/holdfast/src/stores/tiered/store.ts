/**
 * Redis in front of PostgreSQL. PostgreSQL is the truth: it decides every commit and answers every read, but for those that
 * allow an answer that is a little old. Redis answers those, and carries the hints. Without it everything is as it was,
 * only slower.
 */

import type { Change } from "../../record/change.ts";
import { isHoldfastError } from "../../record/errors.ts";
import type { Owner, RecordKey } from "../../record/record.ts";
import type {
  CallOptions,
  CommitOptions,
  Committed,
  EventsOptions,
  EventsPage,
  HintListener,
  ListOptions,
  ListPage,
  ReadAnswer,
  ReadOptions,
  Store,
  StoreAdmin,
  Usage,
} from "../../store/contract.ts";
import { Gate } from "../../store/gate.ts";
import type { Hints } from "../../store/hints.ts";
import type { StoreFigures, StoreHealth, StoreTraits } from "../../store/traits.ts";
import { validateHint, validateRead } from "../../store/validate.ts";
import { postgresStoreAhead } from "../postgres/store.ts";
import { loadDriver } from "../redis/driver.ts";
import { hintsOver } from "../redis/hints.ts";
import { Keys } from "../redis/keys.ts";
import type { RedisRisk } from "../redis/options.ts";
import { requireSafeServers } from "../redis/safety.ts";
import { topologyFor } from "../redis/topologies.ts";
import type { Topology } from "../redis/topology.ts";
import { cacheAdmin } from "./admin.ts";
import { type Changed, RecordCache } from "./cache.ts";
import { CacheClient } from "./client.ts";
import { type ResolvedTieredOptions, resolveOptions, type TieredOptions } from "./options.ts";

/**
 * Opens the pair. Redis may be down, now and later.
 *
 * Guarantees: those of the PostgreSQL store. Only reads with `replica: true` may be old, by `maxStaleMs` at most, and never
 * older than what was committed through this opening of the store.
 *
 * Throws what the PostgreSQL store throws, and `CONFIGURATION` or `STORE_UNSAFE` for a Redis that answers and cannot be
 * used: a replica, one that is too old, or one that does not let us in.
 *
 * @example
 * await using store = await tieredStore({ redis: "redis://cache", postgres: "postgres://app:secret@db/app" });
 */
export function tieredStore(options: TieredOptions): Promise<Store> {
  return tieredStoreAhead(options, () => 0);
}

/** A store whose clock is PostgreSQL's and so many milliseconds more. Only tests want one, to let time pass. */
export async function tieredStoreAhead(options: TieredOptions, aheadMs: () => number): Promise<Store> {
  const resolved = resolveOptions(options);
  const topology = topologyFor(await loadDriver(), resolved.redis);
  try {
    await reach(topology, resolved.redis.accept);
    const truth = await postgresStoreAhead(resolved.postgres, aheadMs);
    return new TieredStore(truth, topology, resolved, aheadMs);
  } catch (error) {
    await topology.close();
    throw error;
  }
}

/** Redis is wanted, not needed. */
async function reach(topology: Topology, accepted: readonly RedisRisk[]): Promise<void> {
  try {
    await topology.connect();
    // What PostgreSQL has cannot be lost here.
    await requireSafeServers(topology, ["appendonly=no", "appendfsync=no", "maxmemory-policy", ...accepted]);
  } catch (error) {
    if (isHoldfastError(error, "STORE_UNSAFE") || isHoldfastError(error, "CONFIGURATION")) throw error;
    for (const node of topology.nodes().values()) node.wake();
  }
}

class TieredStore implements Store {
  readonly traits: StoreTraits;
  readonly admin: StoreAdmin;
  readonly #truth: Store;
  readonly #client: CacheClient;
  readonly #cache: RecordCache;
  readonly #hints: Hints;
  readonly #gate = new Gate();
  #closing: Promise<void> | undefined;

  constructor(truth: Store, topology: Topology, options: ResolvedTieredOptions, aheadMs: () => number) {
    const { redis, maxStaleMs, cacheTimeoutMs } = options;
    this.traits = { ...truth.traits, name: "tiered" };
    this.#truth = truth;
    this.#client = new CacheClient(topology, cacheTimeoutMs);
    this.#cache = new RecordCache({ client: this.#client, prefix: redis.prefix, maxStaleMs, aheadMs });
    this.#hints = hintsOver(this.#client.redis, new Keys(redis.prefix), redis.pollMs);
    this.admin = cacheAdmin(truth.admin, this.#cache);
  }

  read(owner: Owner, key: RecordKey, options: ReadOptions = {}): Promise<ReadAnswer> {
    return this.#gate.run(async () => {
      const { replica, tails = [], commitId, minVersion = 0, signal } = options;
      // Events and outcomes are the truth's alone, and so is everything where nobody said that it may be old.
      const wantsTruth = replica !== true || tails.length > 0 || commitId !== undefined;
      if (wantsTruth || signal?.aborted === true) return await this.#truth.read(owner, key, options);
      validateRead(key, options);
      const ask = (): Promise<ReadAnswer> => this.#truth.read(owner, key, { ...options, replica: false });
      return (await this.#cache.read(owner, key, minVersion, ask)) ?? (await this.#truth.read(owner, key, options));
    });
  }

  commit(owner: Owner, changes: readonly Change[], options: CommitOptions = {}): Promise<Committed> {
    return this.#gate.run(async () => {
      try {
        const committed = await this.#truth.commit(owner, changes, options);
        if (committed.ok) {
          const versions = committed.results.map(({ version }) => version);
          await this.#cache.changed(owner, changedBy(changes, versions));
        }
        return committed;
      } catch (error) {
        if (isHoldfastError(error, "OUTCOME_UNKNOWN")) await this.#cache.changed(owner, changedBy(changes, []));
        throw error;
      }
    });
  }

  events(owner: Owner, key: RecordKey, stream: string, options: EventsOptions): Promise<EventsPage | undefined> {
    return this.#truth.events(owner, key, stream, options);
  }

  list(owner: Owner, kind: string, options: ListOptions): Promise<ListPage> {
    return this.#truth.list(owner, kind, options);
  }

  usage(owner: Owner, options?: CallOptions): Promise<Usage> {
    return this.#truth.usage(owner, options);
  }

  publish(topic: string, hint: string): void {
    this.#gate.assertOpen();
    validateHint(hint);
    // Whoever listens hears both; who speaks needs one.
    if (this.#client.isUp) this.#hints.publish(topic, hint);
    else this.#truth.publish(topic, hint);
  }

  subscribe(topic: string, listener: HintListener): () => void {
    this.#gate.assertOpen();
    const endOne = this.#truth.subscribe(topic, listener);
    const endOther = this.#hints.subscribe(topic, listener);
    return () => {
      endOne();
      endOther();
    };
  }

  figures(): StoreFigures {
    const { hits, misses } = this.#cache.counts;
    return { ...this.#truth.figures?.(), cache: { hits, misses }, breakerOpen: this.#client.isGivenUp };
  }

  async health(options?: CallOptions): Promise<StoreHealth> {
    const { isUp } = this.#client;
    const health = await this.#truth.health(options);
    const { hits, misses } = this.#cache.counts;
    const details = { ...health.details, cacheUp: isUp, cacheHits: hits, cacheMisses: misses };
    if (isUp) return { ...health, details };
    const warning = "Redis cannot be reached: PostgreSQL answers what Redis might have, and carries the hints.";
    return { ...health, details, warnings: [...health.warnings, warning] };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#gate.close();
    await this.#truth.close();
    await this.#hints.close();
    await this.#cache.settled();
    await this.#client.redis.topology.close();
  }
}

/** @param versions of each; where they are not known nothing is said about them. */
function changedBy(changes: readonly Change[], versions: readonly number[]): readonly Changed[] {
  return changes.map(({ kind, id }, index) => ({ kind, id, version: versions[index] ?? 0 }));
}

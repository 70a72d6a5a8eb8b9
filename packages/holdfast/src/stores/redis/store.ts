/**
 * Records in Redis, which any number of nodes share. Commits are decided inside the server by scripts, one owner at a
 * time; see `scripts/` for what lies under which key, and `committer.ts` for batches.
 */
import { throwIfAborted } from "../../record/abort.ts";
import type { Change } from "../../record/change.ts";
import type { Owner, RecordKey } from "../../record/record.ts";
import { Aborts } from "../../store/abort.ts";
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
import { validateCommit, validateEvents, validateHint, validateList, validateRead } from "../../store/validate.ts";
import { RedisAdmin } from "./admin.ts";
import { Client } from "./client.ts";
import { Committer } from "./committer.ts";
import { loadDriver } from "./driver.ts";
import { healthOf } from "./health.ts";
import { hintsOver } from "./hints.ts";
import { Keys } from "./keys.ts";
import { type RedisOptions, type ResolvedRedisOptions, resolveOptions } from "./options.ts";
import { Owners } from "./owners.ts";
import { type Prepared, prepareServers } from "./prepare.ts";
import { type Asking, listRecords, readEvents, readUsage } from "./queries.ts";
import { Reader } from "./reader.ts";
import type { ServerFacts } from "./safety.ts";
import { assembleScripts } from "./scripts.ts";
import { topologyFor } from "./topologies.ts";

/**
 * Opens the store on a Redis server, on the primary that sentinels name, or on a cluster. Any number of nodes may have it
 * open.
 *
 * Guarantees: an acknowledged commit survives crashes of nodes and of Redis; what loss of power and a failover may take
 * back is said by `health()` and in the documentation.
 *
 * Throws `CONFIGURATION` (options, no driver, no access), `STORE_UNSAFE` (a setting that would break a promise),
 * `SCHEMA_MISMATCH` (another release's form), or `UNAVAILABLE`.
 *
 * @example
 * await using store = await redisStore({ url: "redis://app:secret@cache:6379" });
 */
export function redisStore(options: RedisOptions): Promise<Store> {
  return redisStoreWithClock(options, () => "+0");
}

/**
 * A store with another clock: `+ms` is the server's and so many milliseconds more, `@ms` a point in time. Only tests want
 * one, to let time pass.
 */
export async function redisStoreWithClock(options: RedisOptions, clock: () => string): Promise<Store> {
  const resolved = resolveOptions(options);
  const topology = topologyFor(await loadDriver(), resolved);
  const client = new Client(topology, assembleScripts());
  const keys = new Keys(resolved.prefix);
  try {
    const prepared = await prepareServers(client, keys, resolved);
    return new RedisStore(client, keys, resolved, prepared, clock);
  } catch (error) {
    await topology.close();
    throw error;
  }
}

class RedisStore implements Store {
  readonly traits: StoreTraits;
  readonly admin: StoreAdmin;
  readonly #facts: ServerFacts;
  readonly #cursorKey: Uint8Array;
  readonly #clock: () => string;
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #committer: Committer;
  readonly #reader: Reader;
  readonly #hints: Hints;
  readonly #gate = new Gate();
  readonly #aborts = new Aborts();
  #closing: Promise<void> | undefined;

  constructor(
    client: Client,
    keys: Keys,
    options: ResolvedRedisOptions,
    { facts, cursorKey }: Prepared,
    clock: () => string,
  ) {
    const durability = { always: "host", everysec: "process", no: "process", hidden: "process", none: "none" } as const;
    const survives = facts.evicting === undefined ? durability[facts.flushing] : "none";
    this.traits = { name: "redis", durability: survives, outcomeCanBeUnknown: true, shared: true };
    this.#facts = facts;
    this.#cursorKey = cursorKey;
    this.#clock = clock;
    this.#client = client;
    this.#keys = keys;
    const owners = new Owners(client, keys);
    this.#committer = new Committer({ client, keys, owners, clock, options });
    this.#reader = new Reader(client, keys, clock);
    this.#hints = hintsOver(client, keys, options.pollMs);
    this.admin = new RedisAdmin({
      asking: () => this.#asking(),
      owners,
      cursorKey,
      gate: this.#gate,
      until: (signal, work) => this.#until(signal, work),
    });
  }

  // The two hottest calls have one promise each, made where it is settled; closing waits for those who settle them.
  read(owner: Owner, key: RecordKey, options: ReadOptions = {}): Promise<ReadAnswer> {
    try {
      this.#gate.assertOpen();
      validateRead(key, options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#reader.read(owner, key, options);
  }

  commit(owner: Owner, changes: readonly Change[], options: CommitOptions = {}): Promise<Committed> {
    try {
      this.#gate.assertOpen();
      validateCommit(changes, options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#committer.commit(owner, changes, options);
  }

  events(owner: Owner, key: RecordKey, stream: string, options: EventsOptions): Promise<EventsPage | undefined> {
    return this.#gate.run(async () => {
      validateEvents(key, stream, options);
      return this.#until(options.signal, () => readEvents(this.#asking(), owner, key, stream, options));
    });
  }

  list(owner: Owner, kind: string, options: ListOptions): Promise<ListPage> {
    return this.#gate.run(async () => {
      validateList(kind, options);
      return this.#until(options.signal, () => listRecords(this.#asking(), this.#cursorKey, owner, kind, options));
    });
  }

  usage(owner: Owner, { signal }: CallOptions = {}): Promise<Usage> {
    return this.#gate.run(async () => {
      throwIfAborted(signal);
      return this.#until(signal, () => readUsage(this.#asking(), owner));
    });
  }

  publish(topic: string, hint: string): void {
    this.#gate.assertOpen();
    validateHint(hint);
    this.#hints.publish(topic, hint);
  }

  subscribe(topic: string, listener: HintListener): () => void {
    this.#gate.assertOpen();
    return this.#hints.subscribe(topic, listener);
  }

  figures(): StoreFigures {
    const nodes = [...this.#client.topology.nodes().values()];
    const breakerOpen = nodes.some((node) => node.isGivenUp);
    return { queued: this.#committer.queued, batches: this.#committer.batches, breakerOpen };
  }

  health({ signal }: CallOptions = {}): Promise<StoreHealth> {
    return this.#gate.run(async () => {
      throwIfAborted(signal);
      const state = { queued: this.#committer.queued, hears: this.#hints.hears };
      return this.#until(signal, () => healthOf(this.#client.topology, this.#facts, state));
    });
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
    await Promise.all([this.#committer.idle(), this.#reader.idle()]);
    await this.#hints.close();
    await this.#client.topology.close();
  }

  #asking(): Asking {
    return { client: this.#client, keys: this.#keys, clock: this.#clock() };
  }

  /** A reader who gives up leaves at once; what it asked ends by its own deadline. */
  #until<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.#aborts.until(signal, ({ resolve, reject }) => void work().then(resolve, reject));
  }
}

/**
 * A store with a memory of what was read, for records that are read far more often than written.
 *
 * Only reads that allow an answer a little old (`replica: true`) are answered from it. All else asks the store, so what a
 * conditional change is decided by never comes from here. An entry goes
 *
 * - when this node commits to its record, before the commit is answered;
 * - when another node's cache says it did, by a hint;
 * - with all others, when the store says only that something changed: after it was out of reach, or as SQLite does;
 * - once it is as old as was told, in any case: hints may be lost.
 *
 * What is being read while its record changes is answered to those who asked before, and not kept.
 */
import { createHash, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";

import { HoldfastError } from "../record/errors.ts";
import { refuseUnknownNames } from "../record/option-names.ts";
import type { Owner, RecordKey } from "../record/record.ts";
import { Aborts } from "./abort.ts";
import { around } from "./around.ts";
import type { CommitOptions, Committed, ReadAnswer, ReadOptions, Store } from "./contract.ts";
import type { StoreFigures } from "./traits.ts";

/** Bounds of `cached()`: how old its answers may be, and how much it may keep. */
export type CacheOptions = {
  /** The oldest answer there may be, in milliseconds. Default 1,000. */
  readonly maxStaleMs?: number;
  /** Default 10,000. */
  readonly maxRecords?: number;
  /** Of all documents together. Default 64 MiB. */
  readonly maxBytes?: number;
};

/** The cache of a store that `cached()` made: its counts, and how to drop what it holds. */
export interface RecordCache {
  /** Reads that were answered from memory, and those that allowed it and were not. Both only grow. */
  readonly hits: number;
  readonly misses: number;
  /** Records in memory. */
  readonly size: number;
  /** Drops a record that was changed behind the store's back; on other nodes too, as soon as they hear of it. */
  invalidate(id: string): void;
  invalidateAll(): void;
}

/** A store with a cache in front of it, as `cached()` makes it. */
export type CachedStore = Store & { readonly cache: RecordCache };

type Entry = { readonly answer: ReadAnswer; readonly id: string; readonly since: number };

const topic = "holdfast.cache";
const everything = "*";
const defaults = { maxStaleMs: 1_000, maxRecords: 10_000, maxBytes: 64 * 1_024 * 1_024 };

/**
 * Puts a cache in front of a store. Closing the one closes the other.
 *
 * @example
 * const store = cached(await openStore("postgres://…"), { maxStaleMs: 500 });
 * const hold = await holdfast({ store, kinds: [Price] });
 * await hold.state(principal).price.get(id, { replica: true });
 */
export function cached(store: Store, options: CacheOptions = {}): CachedStore {
  refuseUnknownNames("cached()", options, Object.keys(defaults));
  const limits = { ...defaults, ...options };
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new HoldfastError("INVALID_ARGUMENT", `cached(): ${name} is ${value}, but has to be a whole number from 1`);
  }
  const cache = new Cache(store, limits);
  const replaced = around(store, {
    read: (owner, key, given = {}) => cache.read(owner, key, given),
    commit: (owner, changes, given) => cache.commit(owner, changes, given),
    admin: new Proxy(store.admin, { get: (admin, name) => cache.adminMember(admin, name) }),
    figures: () => ({ ...store.figures?.(), cache: cache.countedWith(store.figures?.().cache) }),
    shed: () => cache.shed(),
    close: () => cache.close(),
    [Symbol.asyncDispose]: () => cache.close(),
  });
  return Object.assign(replaced, { cache });
}

class Cache implements RecordCache {
  hits = 0;
  misses = 0;
  readonly #store: Store;
  readonly #maxStaleMs: number;
  readonly #entries: LRUCache<string, Entry>;
  readonly #loading = new Map<string, { readonly id: string; readonly answer: Promise<ReadAnswer> }>();
  readonly #aborts = new Aborts();
  /** Tells our own hints from those of others. */
  readonly #node = randomBytes(6).toString("base64url");
  readonly #unsubscribe: () => void;

  constructor(store: Store, { maxStaleMs, maxRecords, maxBytes }: Required<CacheOptions>) {
    this.#store = store;
    this.#maxStaleMs = maxStaleMs;
    this.#entries = new LRUCache({
      max: maxRecords,
      maxSize: maxBytes,
      // A text of n characters takes up to two bytes for each; what is around it about as much as a small document.
      sizeCalculation: ({ answer }) => 2 * (answer.record?.document.length ?? 0) + 512,
    });
    this.#unsubscribe = store.subscribe(topic, (hint) => this.#hear(hint));
  }

  /** Together with those of a cache below, which is asked for what this one does not keep: no read counts in both. */
  countedWith(below: StoreFigures["cache"]): NonNullable<StoreFigures["cache"]> {
    return { hits: this.hits + (below?.hits ?? 0), misses: this.misses + (below?.misses ?? 0) };
  }

  get size(): number {
    return this.#entries.size;
  }

  async read(owner: Owner, key: RecordKey, options: ReadOptions): Promise<ReadAnswer> {
    const { replica, commitId, tails = [], minVersion = 0, signal } = options;
    if (replica !== true || commitId !== undefined || tails.length > 0)
      return await this.#store.read(owner, key, options);
    const address = addressOf(owner, key);
    const known = this.#known(address, minVersion);
    if (known !== undefined) {
      this.hits += 1;
      return known;
    }
    this.misses += 1;
    const loading = this.#loading.get(address)?.answer ?? this.#load(address, owner, key);
    const answer = await this.#aborts.until<ReadAnswer>(signal, ({ resolve, reject }) => {
      loading.then(resolve, reject);
    });
    return (answer.record?.version ?? 0) >= minVersion ? answer : await this.#store.read(owner, key, options);
  }

  async commit(owner: Owner, changes: Parameters<Store["commit"]>[1], options?: CommitOptions): Promise<Committed> {
    try {
      return await this.#store.commit(owner, changes, options);
    } finally {
      // Also where nobody knows what came of it.
      for (const key of changes) {
        const address = addressOf(owner, key);
        this.#drop(address);
        // The engine's own records, of which there are many, are nothing that is read from here.
        if (!key.kind.startsWith("holdfast.")) this.#tell(address);
      }
    }
  }

  /** What puts records in or takes them out by another door, takes everything from here. */
  adminMember(admin: Store["admin"], name: string | symbol): unknown {
    const member: unknown = Reflect.get(admin, name);
    if (typeof member !== "function") return member;
    if (name !== "import" && name !== "erase") return member.bind(admin);
    return async (...given: readonly unknown[]): Promise<unknown> => {
      try {
        return await Reflect.apply(member, admin, given);
      } finally {
        this.invalidateAll();
      }
    };
  }

  invalidate(id: string): void {
    const hash = hashOf(id);
    this.#dropHashed(hash);
    this.#tell(`#${hash}`);
  }

  invalidateAll(): void {
    this.#flush();
    this.#tell(everything);
  }

  /** What is being read meanwhile is kept: somebody waits for it. */
  shed(): void {
    this.#entries.clear();
    this.#store.shed?.();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#flush();
    await this.#store.close();
  }

  #known(address: string, minVersion: number): ReadAnswer | undefined {
    const entry = this.#entries.get(address);
    if (entry === undefined) return undefined;
    const { answer, since } = entry;
    const ageMs = performance.now() - since;
    const at = answer.at + Math.ceil(ageMs);
    const { record } = answer;
    const isOver = record?.expiresAt !== undefined && record.expiresAt <= at;
    if (record !== undefined && !isOver && ageMs < this.#maxStaleMs) {
      return record.version >= minVersion ? { at, record, tails: [] } : undefined;
    }
    this.#entries.delete(address);
    return undefined;
  }

  /** Asks the primary: what a replica does not know yet would make the answer older than was told. */
  #load(address: string, owner: Owner, key: RecordKey): Promise<ReadAnswer> {
    const since = performance.now();
    const answer = this.#store.read(owner, key);
    const load = { id: key.id, answer };
    this.#loading.set(address, load);
    const end = (read?: ReadAnswer): void => {
      // Somebody changed it meanwhile, if it is not ours any more.
      if (this.#loading.get(address) !== load) return;
      this.#loading.delete(address);
      if (read?.record !== undefined) this.#entries.set(address, { answer: read, id: key.id, since });
    };
    answer.then(end, () => end());
    return answer;
  }

  #hear(hint: string | undefined): void {
    if (hint === undefined) return this.#flush();
    const [node, what = everything] = hint.split(" ");
    if (node === this.#node) return;
    if (what === everything) this.#flush();
    else if (what.startsWith("#")) this.#dropHashed(what.slice(1));
    else this.#drop(what);
  }

  #dropHashed(hash: string): void {
    for (const [address, { id }] of [...this.#entries.entries(), ...this.#loading]) {
      if (hashOf(id) === hash) this.#drop(address);
    }
  }

  #drop(address: string): void {
    this.#entries.delete(address);
    this.#loading.delete(address);
  }

  #flush(): void {
    this.#entries.clear();
    this.#loading.clear();
  }

  #tell(what: string): void {
    try {
      this.#store.publish(topic, `${this.#node} ${what}`);
    } catch {
      // A hint may be lost; what others have grows too old by itself.
    }
  }
}

/** As short as a hint has to be, and the same on every node. */
function addressOf(owner: Owner, { kind, id }: RecordKey): string {
  return hashOf(JSON.stringify([owner, kind, id]));
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

/**
 * Records in the memory of one process: for tests, for trying things out, and as the plainest reading of the contract.
 * Operations take effect one after another, each whole, a turn of the event loop after they were asked for.
 */

import { throwIfAborted } from "../../record/abort.ts";
import type { Change } from "../../record/change.ts";
import { maxCommitIdsPerOwner } from "../../record/commit-ids.ts";
import { listingScope } from "../../record/cursor.ts";
import { decide } from "../../record/decide.ts";
import { matchesFields } from "../../record/fields.ts";
import type { Owner, Position, RecordKey, StoredEvent } from "../../record/record.ts";
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
  Tail,
  Usage,
} from "../../store/contract.ts";
import type { StoreHealth, StoreTraits } from "../../store/traits.ts";
import { validateCommit, validateEvents, validateHint, validateList, validateRead } from "../../store/validate.ts";
import { MemoryAdmin } from "./admin.ts";
import { Data } from "./data.ts";
import { Entry } from "./entry.ts";
import { Hints } from "./hints.ts";
import { Operations } from "./operations.ts";
import { type MemoryStoreOptions, resolveOptions } from "./options.ts";

/**
 * Opens an empty store in memory. Nothing of it survives `close` or the process. Throws `CONFIGURATION` for unknown
 * options.
 *
 * @example
 * const store = await memoryStore();
 */
export function memoryStore(options: MemoryStoreOptions = {}): Promise<Store> {
  return memoryStoreDeciding(decide, options);
}

/** A memory store with another decision at its heart. Only tests want one, to plant a fault. */
export async function memoryStoreDeciding(how: typeof decide, options: MemoryStoreOptions = {}): Promise<Store> {
  const { clock, turn, maxBytes, maxCommitIds } = resolveOptions(options);
  return new MemoryStore(new Operations({ clock, turn }), new Data({ decide: how, maxBytes, maxCommitIds }));
}

class MemoryStore implements Store {
  readonly traits: StoreTraits = { name: "memory", durability: "none", outcomeCanBeUnknown: false, shared: false };
  readonly admin: StoreAdmin;
  readonly #operations: Operations;
  readonly #data: Data;
  readonly #hints = new Hints();
  #closing: Promise<void> | undefined;

  constructor(operations: Operations, data: Data) {
    this.#operations = operations;
    this.#data = data;
    this.admin = new MemoryAdmin(operations, data);
  }

  read(owner: Owner, key: RecordKey, options: ReadOptions = {}): Promise<ReadAnswer> {
    return this.#operations.run(
      options.signal,
      () => validateRead(key, options),
      (at) => {
        const partition = this.#data.find(owner);
        const entry = partition?.live(key, at);
        const { commitId } = options;
        const remembered = commitId === undefined ? undefined : partition?.commitIds.find(commitId, at);
        return {
          at,
          record: entry?.record(),
          tails: (options.tails ?? []).map((tail) => (entry === undefined ? [] : tailOf(entry, tail))),
          outcome: remembered && { digest: remembered.digest, at: remembered.at, results: remembered.results },
        };
      },
    );
  }

  commit(owner: Owner, changes: readonly Change[], options: CommitOptions = {}): Promise<Committed> {
    return this.#operations.run(
      options.signal,
      () => validateCommit(changes, options),
      (at) => this.#commitNow(owner, changes, options, at),
    );
  }

  events(owner: Owner, key: RecordKey, stream: string, options: EventsOptions): Promise<EventsPage | undefined> {
    return this.#operations.run(
      options.signal,
      () => validateEvents(key, stream, options),
      (at) => {
        const entry = this.#data.find(owner)?.live(key, at);
        if (entry === undefined) return undefined;
        const { after = 0, before, limit, maxBytes, order = "oldest" } = options;
        const page = entry.log(stream)?.page({ after, before, limit, maxBytes, order });
        return {
          ...(entry.state.streams.get(stream) ?? { head: 0, first: 1 }),
          incarnation: entry.state.incarnation,
          ...(page ?? { events: [], more: false }),
        };
      },
    );
  }

  list(owner: Owner, kind: string, options: ListOptions): Promise<ListPage> {
    return this.#operations.run(
      options.signal,
      () => validateList(kind, options),
      (at) => {
        const scope = listingScope(owner, kind);
        const from = this.#data.placeOf(scope, options.after);
        const partition = this.#data.find(owner);
        const page = partition?.order(kind)?.slice(from, options.limit, options.order, (entry) => {
          return partition.live(entry, at) === entry && matchesFields(entry.state.fields, options.where);
        });
        const records = (page?.values ?? []).map((entry) => entry.summary());
        return { at, records, ...this.#data.cursorOf(scope, page?.next) };
      },
    );
  }

  usage(owner: Owner, { signal }: CallOptions = {}): Promise<Usage> {
    return this.#operations.run(
      signal,
      () => throwIfAborted(signal),
      (at) => this.#data.find(owner)?.usage(at) ?? { records: 0, bytes: 0, byKind: {} },
    );
  }

  publish(topic: string, hint: string): void {
    this.#operations.assertOpen();
    validateHint(hint);
    this.#hints.publish(topic, hint);
  }

  subscribe(topic: string, listener: HintListener): () => void {
    this.#operations.assertOpen();
    return this.#hints.subscribe(topic, listener);
  }

  health({ signal }: CallOptions = {}): Promise<StoreHealth> {
    return this.#operations.run(
      signal,
      () => throwIfAborted(signal),
      () => ({
        ok: true,
        durability: "Nothing survives the end of the process.",
        warnings: [],
        details: { bytes: this.#data.bytes, owners: this.#data.owners },
      }),
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#operations.close();
    this.#hints.close();
    this.#data.clear();
  }

  #commitNow(owner: Owner, changes: readonly Change[], options: CommitOptions, at: number): Committed {
    const { commitId, fence, quota } = options;
    const partition = this.#data.open(owner);
    const known = commitId === undefined ? undefined : partition.commitIds.find(commitId.id, at);
    if (known !== undefined) {
      if (known.digest !== commitId?.digest) return { ok: false, at, refusal: { reason: "commit-id" } };
      return { ok: true, at: known.at, replayed: true, results: known.results };
    }
    if (fence !== undefined) {
      const actual = partition.live(fence.key, at)?.state.version;
      if (actual !== fence.token) return { ok: false, at, refusal: { reason: "fence", token: fence.token, actual } };
    }
    const decided = partition.decide(changes, at);
    if ("reason" in decided) return { ok: false, at, refusal: decided };
    const counted = quota !== undefined || commitId?.origin === "caller";
    const commitIds = Math.min(quota?.commitIds ?? maxCommitIdsPerOwner, this.#data.commitIdsPerOwner);
    const broken = counted ? partition.brokenQuota(decided, commitId?.origin, { ...quota, commitIds }, at) : undefined;
    if (broken !== undefined) return { ok: false, at, refusal: broken };

    const growth = decided.reduce((sum, { entry, bytes }) => sum + bytes - (entry?.bytes ?? 0), 0);
    this.#data.reserve(growth, commitId === undefined ? 0 : 1, at);

    // Nothing below can fail: from here on the commit happens as a whole.
    this.#data.keep(partition);
    // What is made after an erasure closes the door to what was erased.
    if (!partition.hasRecords) partition.importFloor = partition.floor;
    const entries = decided.map(({ key, entry: standing, effect }) => {
      const entry = standing ?? new Entry(key.kind, key.id, effect.next);
      this.#data.change(partition, entry, effect.result.created, at, () => entry.apply(effect, at));
      return entry;
    });
    const results = decided.map(({ effect }) => effect.result);
    if (commitId !== undefined) {
      const rings = entries.map(({ ring }) => ring);
      partition.commitIds.remember(commitId, { digest: commitId.digest, at, results }, rings);
      this.#data.remembered();
    }
    return { ok: true, at, replayed: false, results };
  }
}

function tailOf(entry: Entry, { stream, after, limit, maxBytes }: Tail): readonly StoredEvent[] {
  const log = entry.log(stream);
  if (log === undefined) return [];
  if (typeof after === "object") {
    const newest = log.page({ after: 0, limit: Math.min(after.last, limit), maxBytes, order: "newest" });
    return newest.events.toReversed();
  }
  const from: Position = after === "document" ? entry.state.documentPosition : after;
  return log.page({ after: from, limit, maxBytes, order: "oldest" }).events;
}

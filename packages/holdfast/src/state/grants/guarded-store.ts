/**
 * The store as the receiver of a grant may use it: one record of another owner, under the grant's own handle, as long as the
 * grant stands.
 *
 * - A commit is made as the giver's, fenced with the grant: whether that still stands is decided by the same atomic write.
 * - A read looks at the record first and at the grant second. Grants never come back, so one that stands by then stood when
 *   the record was read.
 * - A commit id is looked for under the grant, so that nobody meets the outcome of somebody else's key.
 */
import type { Change } from "../../record/change.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Owner, RecordKey, StoredRecord } from "../../record/record.ts";
import type {
  CallOptions,
  CommitId,
  CommitOptions,
  Committed,
  EventsOptions,
  EventsPage,
  ReadAnswer,
  ReadOptions,
  Store,
} from "../../store/contract.ts";
import { jitteredMs, pause } from "../backoff.ts";
import { keyOfGiven, type Pointer } from "./records.ts";

export type GuardedStoreOptions = {
  readonly store: Store;
  /** The id of the grant, which is the record's only name here. */
  readonly handle: string;
  readonly pointer: Pointer;
  /** Whether a record that has ended may be made again under its id. */
  readonly mayBeMadeAgain: boolean;
  /** Hears that the grant is gone. */
  readonly onGone: () => void;
};

/** Only what one record needs is there; the rest throws. */
export function guardedStore(options: GuardedStoreOptions): Store {
  const guard = new Guard(options);
  return {
    traits: options.store.traits,
    get admin(): never {
      throw beyond();
    },
    read: (owner, key, given = {}) => guard.read(owner, key, given),
    events: (owner, key, stream, given) => guard.events(owner, key, stream, given),
    commit: (owner, changes, given = {}) => guard.commit(owner, changes, given),
    list: beyondReach,
    usage: beyondReach,
    publish: beyondReach,
    subscribe: beyondReach,
    health: beyondReach,
    close: beyondReach,
    [Symbol.asyncDispose]: beyondReach,
  };
}

function beyondReach(): never {
  throw beyond();
}

/** Never a caller's doing: whatever reaches for it was written for owners. */
function beyond(): Error {
  return new Error("a shared record was used for what only its owner can do");
}

/** Rounds in which the owner may change a record, made anew under its name, before a change of a guest gives up. */
const maxRounds = 24;

class Guard {
  readonly #options: GuardedStoreOptions;

  constructor(options: GuardedStoreOptions) {
    this.#options = options;
  }

  async read(owner: Owner, key: RecordKey, options: ReadOptions): Promise<ReadAnswer> {
    const { store, handle, pointer } = this.#options;
    const commitId = options.commitId === undefined ? undefined : this.#idOf(options.commitId);
    const answer = await store.read(owner, this.#realKey(owner, key), { ...options, commitId });
    const { record } = answer;
    const isGranted = record !== undefined && record.incarnation === pointer.incarnation;
    if (!isGranted || !(await this.#stands(options))) {
      return { at: answer.at, record: undefined, tails: answer.tails.map(() => []) };
    }
    const named: StoredRecord = { ...record, id: handle };
    return { ...answer, record: named };
  }

  async events(owner: Owner, key: RecordKey, stream: string, options: EventsOptions): Promise<EventsPage | undefined> {
    const page = await this.#options.store.events(owner, this.#realKey(owner, key), stream, options);
    const isGranted = page !== undefined && page.incarnation === this.#options.pointer.incarnation;
    return isGranted && (await this.#stands(options)) ? page : undefined;
  }

  async commit(owner: Owner, changes: readonly Change[], options: CommitOptions): Promise<Committed> {
    const [change] = changes;
    if (change === undefined || changes.length > 1) throw beyond();
    refuseBeyond(change, this.#options.pointer);
    if (options.fence !== undefined) {
      throw new HoldfastError("INVALID_ARGUMENT", "a shared record cannot be fenced: locks are those of its owner");
    }
    const real: Change = { ...change, ...this.#realKey(owner, change) };
    // A remembered outcome is answered before any fence is looked at.
    if (options.commitId !== undefined && !(await this.#stands(options))) return absent(Date.now(), change);
    const guarded: CommitOptions = {
      ...options,
      fence: { key: keyOfGiven(this.#options.handle), token: this.#options.pointer.token },
      ...(options.commitId !== undefined && { commitId: this.#commitIdOf(options.commitId) }),
    };
    const committed =
      real.expect === "present" && this.#options.mayBeMadeAgain
        ? await this.#commitHere(owner, real, guarded)
        : await this.#options.store.commit(owner, [real], guarded);
    return this.#withoutFence(committed, real);
  }

  /** A change of whatever version, but of the record that was shared and of none made again under its name. */
  async #commitHere(owner: Owner, change: Change, options: CommitOptions): Promise<Committed> {
    const { store, pointer } = this.#options;
    for (let round = 1; ; round++) {
      const { record, at } = await store.read(owner, change, { signal: options.signal });
      if (record?.incarnation !== pointer.incarnation) return absent(at, change);
      const committed = await store.commit(owner, [{ ...change, expect: record.version }], options);
      if (committed.ok || committed.refusal.reason !== "version" || round >= maxRounds) return committed;
      await pause(jitteredMs(round - 1, { baseMs: 2, capMs: 100 }, Math.random), options.signal);
    }
  }

  /** That the grant is gone reads as that the record is. */
  #withoutFence(committed: Committed, change: Change): Committed {
    if (committed.ok || committed.refusal.reason !== "fence") return committed;
    this.#options.onGone();
    return absent(committed.at, change);
  }

  async #stands({ signal }: CallOptions): Promise<boolean> {
    const { store, handle, pointer, onGone } = this.#options;
    const { record } = await store.read(pointer.owner, keyOfGiven(handle), { signal });
    if (record?.version === pointer.token) return true;
    onGone();
    return false;
  }

  #realKey(owner: Owner, { kind, id }: RecordKey): RecordKey {
    const { handle, pointer } = this.#options;
    if (owner !== pointer.owner || kind !== pointer.kind || id !== handle) throw beyond();
    return { kind, id: pointer.id };
  }

  #idOf(id: string): string {
    return `${this.#options.handle}:${id}`;
  }

  #commitIdOf(commitId: CommitId): CommitId {
    return { ...commitId, id: this.#idOf(commitId.id) };
  }
}

function absent(at: number, { expect }: Change): Committed {
  return { ok: false, at, refusal: { reason: "version", index: 0, expected: expect, actual: undefined } };
}

/** Throws `FORBIDDEN` for a change that the grant does not allow. */
function refuseBeyond(change: Change, { access }: Pointer): void {
  const { document, counters, appends, trims, lifetime, create, end } = change;
  if (end === true || lifetime !== undefined || create !== undefined) {
    throw new HoldfastError("FORBIDDEN", "this record is shared with you; only its owner can do that");
  }
  const writes =
    document !== undefined || [counters, appends, trims].some((list) => list !== undefined && list.length > 0);
  if (writes && access !== "write") {
    throw new HoldfastError("FORBIDDEN", "this record is shared with you for reading only; ask its owner for more");
  }
}

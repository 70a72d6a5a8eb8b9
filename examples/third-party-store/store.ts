/** A store in one file, for one process: `journal.ts` keeps it, `state.ts` says what it holds, and this is the contract. */
import {
  type CallOptions,
  type Change,
  type CommitOptions,
  type Committed,
  type EventsOptions,
  type EventsPage,
  freshCursorKey,
  type HintListener,
  type ListOptions,
  type ListPage,
  listingScope,
  matchesFields,
  type Owner,
  type ReadAnswer,
  type ReadOptions,
  type RecordKey,
  type Store,
  type StoreAdmin,
  type StoreHealth,
  type StoreTraits,
  type Usage,
  usageOf,
  validateCommit,
  validateEvents,
  validateHint,
  validateList,
  validateRead,
} from "holdfast/contract";

import { JournalAdmin } from "./admin.ts";
import { Engine, throwIfAborted } from "./engine.ts";
import { Journal } from "./journal.ts";
import { pageOf, tailOf } from "./pages.ts";
import { type Entry, type Held, recordOf, State } from "./state.ts";

export type JournalStoreOptions = { readonly path: string; readonly clock?: () => number };

export async function journalStore({ path, clock = Date.now }: JournalStoreOptions): Promise<Store> {
  const state = new State();
  let lastAt = 0;
  const journal = Journal.open<Entry>(path, (entry) => {
    state.apply(entry);
    lastAt = Math.max(lastAt, entry.at);
  });
  const engine = new Engine(state, journal, clock, lastAt);
  if (state.cursorKey.every((byte) => byte === 0)) {
    const key = Buffer.from(freshCursorKey()).toString("base64");
    await engine.write(undefined, (at, write) => write({ op: "key", at, key }));
  }
  return new JournalStore(engine);
}

class JournalStore implements Store {
  readonly traits: StoreTraits = { name: "journal", durability: "host", outcomeCanBeUnknown: false, shared: false };
  readonly admin: StoreAdmin;
  readonly #engine: Engine;
  readonly #topics = new Map<string, Set<{ readonly listener: HintListener }>>();
  #closing: Promise<void> | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.admin = new JournalAdmin(engine);
  }

  read(owner: Owner, key: RecordKey, options: ReadOptions = {}): Promise<ReadAnswer> {
    return this.#engine.look(
      () => validateRead(key, options),
      (at) => {
        const held = this.#engine.state.live(owner, key, at);
        const known =
          options.commitId === undefined ? undefined : this.#engine.state.outcome(owner, options.commitId, at);
        return {
          at,
          record: held && recordOf(held),
          tails: (options.tails ?? []).map((tail) => (held === undefined ? [] : tailOf(held, tail))),
          outcome: known && { digest: known.digest, at: known.at, results: known.results },
        };
      },
    );
  }

  commit(owner: Owner, changes: readonly Change[], options: CommitOptions = {}): Promise<Committed> {
    return this.#engine.gate.run(async () => {
      validateCommit(changes, options);
      return await this.#engine.write<Committed>(options.signal, (at, write) => {
        const judged = this.#engine.state.judge(owner, changes, options, at);
        if ("ok" in judged) return judged;
        write({ op: "commit", at, owner, changes, commitId: options.commitId });
        return { ok: true, at, replayed: false, results: judged.map(({ result }) => result) };
      });
    });
  }

  events(owner: Owner, key: RecordKey, stream: string, options: EventsOptions): Promise<EventsPage | undefined> {
    return this.#engine.look(
      () => validateEvents(key, stream, options),
      (at) => {
        const held = this.#engine.state.live(owner, key, at);
        if (held === undefined) return undefined;
        const { incarnation, streams } = held.state;
        return { ...(streams.get(stream) ?? { head: 0, first: 1 }), incarnation, ...pageOf(held, stream, options) };
      },
    );
  }

  list(owner: Owner, kind: string, options: ListOptions): Promise<ListPage> {
    return this.#engine.look(
      () => validateList(kind, options),
      (at) => {
        const wanted = ({ kind: of, state }: Held): boolean =>
          of === kind && matchesFields(state.fields, options.where);
        const live = this.#engine.state
          .all(owner)
          .filter((held) => wanted(held) && this.#engine.state.live(owner, held, at) === held);
        const scope = listingScope(owner, kind);
        const { page, next } = this.#engine.paged(
          options.order === "oldest" ? live : live.toReversed(),
          scope,
          options,
        );
        return { at, records: page.map(({ state, ...held }) => ({ kind, id: held.id, ...state })), next };
      },
    );
  }

  usage(owner: Owner, options: CallOptions = {}): Promise<Usage> {
    return this.#engine.look(
      () => throwIfAborted(options.signal),
      (at) => usageOf(this.#engine.state.counts(owner, at)),
    );
  }

  publish(topic: string, hint: string): void {
    this.#engine.gate.assertOpen();
    validateHint(hint);
    for (const { listener } of this.#topics.get(topic) ?? []) queueMicrotask(() => tell(listener, hint));
  }

  subscribe(topic: string, listener: HintListener): () => void {
    this.#engine.gate.assertOpen();
    const listeners = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, listeners);
    let on = true;
    const own = { listener: (hint: string | undefined) => on && listener(hint) };
    listeners.add(own);
    return () => {
      on = false;
      listeners.delete(own);
    };
  }

  health(options: CallOptions = {}): Promise<StoreHealth> {
    return this.#engine.look(
      () => throwIfAborted(options.signal),
      () => ({
        ok: this.#engine.failure === undefined,
        durability: "An acknowledged commit survives a crash and, if the disk keeps what it is told to, loss of power.",
        warnings: this.#engine.failure === undefined ? [] : [this.#engine.failure.message],
        details: { queued: this.#engine.queued },
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
    await this.#engine.close();
    this.#topics.clear();
  }
}

function tell(listener: HintListener, hint: string): void {
  try {
    listener(hint);
  } catch {
    // One listener's failure is not another's.
  }
}

import type { Position } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import {
  type Addressee,
  type Announced,
  eventKey,
  eventStream,
  isFirstToWant,
  maxEvents,
  partitionOf,
  readEvent,
  wanting,
} from "./event-record.ts";
import { silenceMs } from "./outbox.ts";

export type FeedInit = {
  readonly store: Store;
  readonly addressee: Addressee;
  /** Hears of every event, in order, those of this process too. */
  readonly onEvent: (event: Announced) => void;
  /** Called after events were heard. */
  readonly onNews: () => void;
  /** Called when the record was made, or when it takes updates of resources from now on: publishers may think otherwise. */
  readonly onWanted: () => void;
  readonly onError: (error: unknown) => void;
};

/** Events after a position. */
export type EventsSince = {
  readonly head: Position;
  readonly events: readonly Announced[];
  /** Some are no longer kept. */
  readonly gap: boolean;
};

/** How long the record is known to be wanted before that is said again. */
const wantAgainMs = 3_600_000;

/** What is announced to one addressee, by whatever process, as the store has it. */
export class Feed {
  readonly #init: FeedInit;
  #after: Position | undefined;
  #wanted: { readonly at: number; readonly resources: boolean; readonly promise: Promise<Position> } | undefined;
  #reading: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(init: FeedInit) {
    this.#init = init;
  }

  /**
   * Resolves once whatever is announced from now on, on whatever node, is heard here; with the position before it.
   * `resources`: updates of resources too.
   */
  ready(resources: boolean): Promise<Position> {
    const standing = this.#wanted;
    const fresh = standing !== undefined && performance.now() - standing.at < wantAgainMs;
    if (fresh && (standing.resources || !resources)) return standing.promise.then(() => this.#head());
    const promise = this.#want(resources || standing?.resources === true);
    const wanted = { at: performance.now(), resources: resources || standing?.resources === true, promise };
    this.#wanted = wanted;
    promise.catch(() => {
      if (this.#wanted === wanted) this.#wanted = undefined;
    });
    return promise;
  }

  /** Looks for what is new. */
  wake(): void {
    if (this.#after === undefined || this.#closed) return;
    this.#again = true;
    this.#reading ??= this.#readAll()
      .catch((error: unknown) => {
        if (!this.#closed) this.#init.onError(error);
      })
      .finally(() => {
        this.#reading = undefined;
        if (this.#again) this.wake();
      });
  }

  /** Resolves once nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#again = false;
    await Promise.allSettled([this.#reading, this.#wanted?.promise]);
  }

  async #head(): Promise<Position> {
    const { store, addressee } = this.#init;
    const page = await store.events(partitionOf(addressee), eventKey, eventStream, { limit: 1, order: "newest" });
    return page?.head ?? 0;
  }

  async #want(resources: boolean): Promise<Position> {
    const { store, addressee, onWanted } = this.#init;
    const committed = await store.commit(partitionOf(addressee), [wanting(resources)]);
    const [result] = committed.ok ? committed.results : [];
    const head = result?.heads.get(eventStream) ?? 0;
    this.#after ??= head;
    if (result?.created !== false || (resources && isFirstToWant(result.counters))) {
      onWanted();
      // Others may believe for as long that nobody listens. Timers may be a little early.
      await new Promise((resolve) => setTimeout(resolve, silenceMs + 10));
    }
    return head;
  }

  async #readAll(): Promise<void> {
    const { store, addressee, onEvent, onNews } = this.#init;
    while (this.#again && !this.#closed) {
      this.#again = false;
      const since = await eventsSince(store, addressee, this.#after ?? 0);
      if (since === undefined || this.#closed) return;
      for (const event of since.events) onEvent(event);
      this.#after = since.head;
      if (since.events.length > 0 || since.gap) onNews();
    }
  }
}

/** Undefined where nobody ever wanted any. */
export async function eventsSince(
  store: Pick<Store, "events">,
  addressee: Addressee,
  position: Position,
): Promise<EventsSince | undefined> {
  // A record that was made anew counts from 1 again.
  for (const after of [position, 0]) {
    const options = { after, limit: maxEvents };
    const page = await store.events(partitionOf(addressee), eventKey, eventStream, options);
    if (page === undefined) return undefined;
    if (page.head < after) continue;
    const events = page.events.flatMap(({ position: at, data }) => {
      const read = readEvent(data);
      return read === undefined ? [] : [{ position: at, ...read }];
    });
    return { head: page.head, events, gap: page.first > after + 1 };
  }
  return undefined;
}

import type { ServerEvent } from "@modelcontextprotocol/server";

import { HoldfastError, isHoldfastError } from "../../record/errors.ts";
import type { Position } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { type Addressee, announcing, eventStream, maxEvents, partitionOf, writeEvent } from "./event-record.ts";

export type OutboxInit = {
  readonly store: Pick<Store, "commit">;
  readonly node: string;
  readonly addressee: Addressee;
  /** Called once events are in the store. */
  readonly onWritten: (head: Position) => void;
  readonly onError: (error: unknown) => void;
};

/**
 * For how long after the store was asked it is believed that nobody listens. Who begins to listen is told so only once this
 * is over, so that nothing is missed; and a server whose clients listen to nothing asks its store ten times a second at most.
 */
export const silenceMs = 100;
const retryDelaysMs: readonly number[] = [50, 250, 1_000];
const maxBatch = 64;

/**
 * What this process announces to one addressee, on its way to the store: in order, behind the back of who announces.
 * What the store does not take is dropped and reported, and what piles up is too.
 */
export class Outbox {
  readonly #init: OutboxInit;
  #waiting: ServerEvent[] = [];
  #running: Promise<void> | undefined;
  #silentUntil = { any: 0, resources: 0 };

  constructor(init: OutboxInit) {
    this.#init = init;
  }

  get idle(): boolean {
    return this.#running === undefined;
  }

  /** Never waits, never throws. */
  add(event: ServerEvent): void {
    const now = performance.now();
    if (now < this.#silentUntil.any || (event.kind === "resource_updated" && now < this.#silentUntil.resources)) return;
    // Twice the same, with nothing in between, says no more than once.
    if (isSame(this.#waiting.at(-1), event)) return;
    if (this.#waiting.length >= maxEvents) {
      this.#waiting.shift();
      this.#init.onError(new HoldfastError("UNAVAILABLE", "changes wait to be announced; the oldest was dropped"));
    }
    this.#waiting.push(event);
    this.#running ??= this.#run();
  }

  /** Somebody listens now. */
  wanted(): void {
    this.#silentUntil = { any: 0, resources: 0 };
  }

  /** Resolves once nothing is on its way. */
  async flush(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is announced in one go shares a commit.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const events = this.#waiting.splice(0, maxBatch);
      try {
        await this.#write(events);
      } catch (error) {
        this.#init.onError(error);
      }
    }
    this.#running = undefined;
  }

  async #write(events: readonly ServerEvent[]): Promise<void> {
    const { store, node, addressee, onWritten } = this.#init;
    const onlyResources = events.every(({ kind }) => kind === "resource_updated");
    const change = announcing(
      events.map((event) => writeEvent(node, event)),
      onlyResources,
    );
    for (let attempt = 0; ; attempt += 1) {
      // Not from when the answer is heard, which may be later than somebody was told that nothing is missed any more.
      const until = performance.now() + silenceMs;
      try {
        const committed = await store.commit(partitionOf(addressee), [change]);
        if (committed.ok) return onWritten(committed.results[0]?.heads.get(eventStream) ?? 0);
        this.#silentUntil = { any: onlyResources ? 0 : until, resources: until };
        return undefined;
      } catch (error) {
        const delay = retryDelaysMs[attempt];
        if (delay === undefined || !isHoldfastError(error, "UNAVAILABLE")) throw error;
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
  }
}

function isSame(one: ServerEvent | undefined, other: ServerEvent): boolean {
  if (one?.kind !== other.kind) return false;
  return one.kind !== "resource_updated" || (other.kind === "resource_updated" && one.uri === other.uri);
}

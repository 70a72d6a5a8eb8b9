/**
 * A queue that empties itself batch by batch: while one batch is under way, what arrives waits; when it is done, what
 * waits is the next batch. Items carry their own way of telling their callers, so a queue costs an item no promise.
 */
import { HoldfastError } from "../record/errors.ts";

export type DrainOptions<T> = {
  /** Carries out one batch and tells every item's caller how it went. Must never throw or reject. */
  readonly run: (items: readonly T[]) => Promise<void>;
  /** Most items in one batch. */
  readonly maxBatch: number;
  /** Most items waiting. */
  readonly maxQueue: number;
  /** Wait this long for company before an idle queue runs. Default 0: not at all. */
  readonly lingerMs?: number | undefined;
};

export class Drain<T> {
  readonly #options: DrainOptions<T>;
  /** Batches so far, by the power of two their size reaches. */
  readonly batches: number[] = Array.from({ length: 7 }, () => 0);
  #queue: T[] = [];
  #running: Promise<void> | undefined;

  constructor(options: DrainOptions<T>) {
    this.#options = options;
  }

  /** Items waiting for the next batch. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Queues an item. Where the queue is full it does not, and answers the `UNAVAILABLE` that says so. */
  push(item: T): HoldfastError | undefined {
    if (this.#queue.length >= this.#options.maxQueue) {
      return new HoldfastError("UNAVAILABLE", `${this.#queue.length} commits are waiting already; try again shortly`);
    }
    this.#queue.push(item);
    this.#running ??= this.#drain();
    return undefined;
  }

  /** Resolves once nothing is queued or under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #drain(): Promise<void> {
    // One turn of the microtask queue lets callers of the same tick share the first batch.
    await (this.#options.lingerMs ? delay(this.#options.lingerMs) : undefined);
    while (this.#queue.length > 0) {
      await this.#options.run(this.#next());
      // Callers that come back at once would otherwise keep sockets and timers waiting for ever, and the
      // stragglers among them would miss the next batch.
      await turn();
    }
    this.#running = undefined;
  }

  #next(): readonly T[] {
    const waiting = this.#queue;
    this.#queue = waiting.splice(this.#options.maxBatch);
    const size = Math.min(31 - Math.clz32(waiting.length), this.batches.length - 1);
    this.batches[size] = (this.batches[size] ?? 0) + 1;
    return waiting;
  }
}

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

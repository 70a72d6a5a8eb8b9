/**
 * Natural batching: while one batch is under way, what arrives queues; when it is done, the queue is the next batch.
 * An idle caller pays no waiting, a busy store gets large batches, and no timer is involved unless a linger is asked for.
 */
import { HoldfastError } from "../record/errors.ts";

export type Settle<R> = { readonly value: R } | { readonly error: unknown };

export type BatcherOptions<T, R> = {
  /** Carries out one batch and gives each item its own outcome, in order. What it throws fails the whole batch. */
  readonly run: (items: readonly T[]) => Promise<readonly Settle<R>[]>;
  /** Most items in one batch. */
  readonly maxBatch: number;
  /** Most items waiting; beyond it `add` rejects with `UNAVAILABLE`. */
  readonly maxQueue: number;
  /** Wait this long for company before an idle batcher runs. Default 0: not at all. */
  readonly lingerMs?: number | undefined;
};

type Waiting<T, R> = {
  readonly item: T;
  readonly resolve: (value: R) => void;
  readonly reject: (error: unknown) => void;
};

export class Batcher<T, R> {
  readonly #options: BatcherOptions<T, R>;
  #queue: Waiting<T, R>[] = [];
  #running: Promise<void> | undefined;

  constructor(options: BatcherOptions<T, R>) {
    this.#options = options;
  }

  /** Items waiting for the next batch. */
  get queued(): number {
    return this.#queue.length;
  }

  add(item: T): Promise<R> {
    if (this.#queue.length >= this.#options.maxQueue) {
      return Promise.reject(
        new HoldfastError("UNAVAILABLE", `${this.#queue.length} commits are waiting already; try again shortly`),
      );
    }
    return new Promise<R>((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Resolves once nothing is queued or under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #drain(): Promise<void> {
    // One turn of the microtask queue lets callers of the same tick share the first batch.
    await (this.#options.lingerMs ? delay(this.#options.lingerMs) : undefined);
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#options.maxBatch);
      await this.#runOne(batch);
      // Callers that come back at once would otherwise keep sockets and timers waiting for ever, and the
      // stragglers among them would miss the next batch.
      await turn();
    }
    this.#running = undefined;
  }

  async #runOne(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const outcomes = await this.#options.run(batch.map((waiting) => waiting.item));
      for (const [index, waiting] of batch.entries()) {
        const outcome = outcomes[index];
        if (outcome === undefined) waiting.reject(new Error("the batch gave no outcome for an item"));
        else if ("error" in outcome) waiting.reject(outcome.error);
        else waiting.resolve(outcome.value);
      }
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
  }
}

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Natural batching: while one batch is under way, what arrives queues; when it is done, the queue is the next batch.
 * An idle caller pays no waiting, a busy store gets large batches, and no timer is involved unless a linger is asked for.
 */
import { Drain } from "./drain.ts";

/** The outcome of one item of a batch: a value, or the error that its caller is given. */
export type Settle<R> = { readonly value: R } | { readonly error: unknown };

/** How batches are carried out, and how much may be in one and wait for one; `lingerMs` is milliseconds. */
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

/**
 * Collects what arrives while a batch is under way; each item gets an outcome of its own. For stores that commit in batches.
 *
 * @example
 * const batcher = new Batcher<Change, string>({
 *   run: async (changes) => changes.map(({ id }) => ({ value: id })),
 *   maxBatch: 256,
 *   maxQueue: 10_000,
 * });
 * const id = await batcher.add(change);
 */
export class Batcher<T, R> {
  readonly #run: BatcherOptions<T, R>["run"];
  readonly #drain: Drain<Waiting<T, R>>;

  constructor({ run, ...bounds }: BatcherOptions<T, R>) {
    this.#run = run;
    this.#drain = new Drain({ ...bounds, run: (batch) => this.#runOne(batch) });
  }

  /** Items waiting for the next batch. */
  get queued(): number {
    return this.#drain.queued;
  }

  add(item: T): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const refusal = this.#drain.push({ item, resolve, reject });
      if (refusal !== undefined) reject(refusal);
    });
  }

  /** What the drain has sent so far, by size. */
  get batches(): readonly number[] {
    return this.#drain.batches;
  }

  /** Resolves once nothing is queued or under way. */
  idle(): Promise<void> {
    return this.#drain.idle();
  }

  async #runOne(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const outcomes = await this.#run(batch.map((waiting) => waiting.item));
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

/**
 * One holder per key, in the order of arrival. Local contention queues here, where waiting costs nothing, and not at
 * the store, where it would cost conflicts. Bounded: so many waiters per key, so long a wait.
 */
import { abortedBy, throwIfAborted } from "../record/abort.ts";
import type { HoldfastError } from "../record/errors.ts";
import { contention } from "./refusals.ts";

export type MutexOptions = {
  /** Most callers waiting for one key; more are turned away at once. */
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
};

type Waiter = { readonly enter: () => void };

export class KeyedMutex {
  readonly #options: MutexOptions;
  /** A key that is held has an entry, even if nobody waits. */
  readonly #waiting = new Map<string, Waiter[]>();

  constructor(options: MutexOptions) {
    this.#options = options;
  }

  /** Keys held now. */
  get held(): number {
    return this.#waiting.size;
  }

  /** Whether somebody holds this key. */
  isHeld(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** How many wait for this key, apart from who holds it. */
  waitingFor(key: string): number {
    return this.#waiting.get(key)?.length ?? 0;
  }

  /** Runs `fn` alone for its key. Throws `CONTENTION` if it takes too long to get in, `ABORTED` if the caller gives up. */
  async run<R>(
    key: string,
    signal: AbortSignal | undefined,
    fn: () => Promise<R>,
    maxWaitMs: number = this.#options.maxWaitMs,
  ): Promise<R> {
    throwIfAborted(signal);
    const queue = this.#waiting.get(key);
    if (queue === undefined) this.#waiting.set(key, []);
    else await this.#wait(queue, signal, maxWaitMs);
    try {
      return await fn();
    } finally {
      this.#leave(key);
    }
  }

  #leave(key: string): void {
    const next = this.#waiting.get(key)?.shift();
    if (next === undefined) this.#waiting.delete(key);
    else next.enter();
  }

  #wait(queue: Waiter[], signal: AbortSignal | undefined, maxWaitMs: number): Promise<void> {
    const { maxWaiting } = this.#options;
    if (queue.length >= maxWaiting) {
      return Promise.reject(
        contention(`${queue.length} changes of this record are waiting already`, { waiting: queue.length }),
      );
    }
    return new Promise<void>((resolve, reject) => {
      const giveUp = (error: HoldfastError): void => {
        queue.splice(queue.indexOf(waiter), 1);
        settle();
        reject(error);
      };
      const onAbort = (): void => giveUp(abortedBy(signal));
      const timer = setTimeout(() => {
        giveUp(
          contention(
            `another change of this record took longer than ${maxWaitMs} ms (an update function that updates its own record waits for itself)`,
            { waitedMs: maxWaitMs },
          ),
        );
      }, maxWaitMs);
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      const waiter: Waiter = {
        enter: () => {
          settle();
          resolve();
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      queue.push(waiter);
    });
  }
}

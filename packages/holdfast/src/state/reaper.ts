import { setImmediate as turn } from "node:timers/promises";

import type { ReapAnswer, Store } from "../store/contract.ts";

export type ReaperOptions = {
  readonly store: Store;
  readonly everyMs: number;
  /** Records removed in one call of the store. */
  readonly batch: number;
  readonly onRemoved: (removed: ReapAnswer["removed"]) => void;
  /** Told how long a sweep took. */
  readonly onSwept?: ((ms: number) => void) | undefined;
  readonly onError: (error: unknown) => void;
};

/** Longest one sweep may go on before it rests until the next. */
const maxSweepMs = 10_000;

/**
 * Removes what is past its end, batch after batch, about every `everyMs`. Several processes may sweep one store: what
 * one has removed the other does not find. Never two sweeps at once; the timer keeps no process alive.
 */
export class Reaper {
  readonly #options: ReaperOptions;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(options: ReaperOptions) {
    this.#options = options;
    this.#schedule();
  }

  /** Sweeps now, unless a sweep is under way, which it then waits for. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#sweeping;
  }

  /** Anything from half to one and a half of the interval, so that processes do not sweep in step. */
  #schedule(): void {
    const inMs = this.#options.everyMs * (0.5 + Math.random());
    this.#timer = setTimeout(() => {
      void this.sweep().finally(() => {
        if (!this.#stop.signal.aborted) this.#schedule();
      });
    }, inMs).unref();
  }

  async #sweep(): Promise<void> {
    const { store, batch, onRemoved, onSwept, onError } = this.#options;
    const { signal } = this.#stop;
    const began = performance.now();
    const until = began + maxSweepMs;
    try {
      for (let more = true; more && !signal.aborted && performance.now() < until; ) {
        const answer = await store.admin.reap({ limit: batch, signal });
        onRemoved(answer.removed);
        // Also where no record went: what there is more of may be commit ids that nobody needs to hear of.
        more = answer.more;
        // Whoever else waits for this process comes first; a sweep has all the time there is.
        if (more) await turn();
      }
    } catch (error) {
      if (!signal.aborted) onError(error);
    } finally {
      onSwept?.(performance.now() - began);
    }
  }
}

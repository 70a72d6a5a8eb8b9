import { setImmediate as turn } from "node:timers/promises";

import type { ReapAnswer, Store } from "../store/contract.ts";
import { ReaperLease } from "./reaper-lease.ts";

export type ReaperOptions = {
  readonly store: Pick<Store, "admin" | "read" | "commit">;
  readonly everyMs: number;
  /** How long one process may sweep alone after it last said so. Default: two intervals. */
  readonly leaseMs?: number | undefined;
  /** Records removed and closed in one call of the store. */
  readonly batch: number;
  /** Told what each batch came to. */
  readonly onReaped: (answer: ReapAnswer) => void;
  /** Told how long a sweep took. */
  readonly onSwept?: ((ms: number) => void) | undefined;
  readonly onError: (error: unknown) => void;
};

/** Longest one sweep may go on before it rests until the next. */
const maxSweepMs = 10_000;
/** However often is swept, whoever sweeps may be held up for this long. */
const minLeaseMs = 2_000;

/**
 * Removes what is past its end and closes what expired, batch after batch, about every `everyMs`. Of several processes on
 * one store one does: it has a lease, which the others take over when it is given back or runs out, two intervals after the
 * process died. Never two sweeps at once; the timer keeps no process alive.
 */
export class Reaper {
  readonly #options: ReaperOptions;
  readonly #lease: ReaperLease;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  /** For how long somebody else may have the lease, as far as is known. */
  #waitMs = Number.POSITIVE_INFINITY;

  constructor(options: ReaperOptions) {
    this.#options = options;
    this.#lease = new ReaperLease(options.store, options.leaseMs ?? Math.max(minLeaseMs, 2 * options.everyMs));
    this.#schedule();
  }

  /** Sweeps now, if no other process does. Where a sweep is under way here it waits for that. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepIfOurs().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#sweeping;
    await this.#lease.release().catch(this.#options.onError);
  }

  /**
   * Anything from half to one and a half of the interval, so that processes do not ask in step; sooner where the lease
   * of another one runs out before.
   */
  #schedule(): void {
    const { everyMs } = this.#options;
    const inMs = Math.min(everyMs * (0.5 + Math.random()), this.#waitMs + everyMs * 0.1 * Math.random());
    this.#timer = setTimeout(() => {
      void this.sweep().finally(() => {
        if (!this.#stop.signal.aborted) this.#schedule();
      });
    }, inMs).unref();
  }

  async #sweepIfOurs(): Promise<void> {
    this.#waitMs = Number.POSITIVE_INFINITY;
    try {
      const lease = await this.#lease.take();
      if (lease.held) await this.#sweep();
      else this.#waitMs = lease.waitMs;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.onError(error);
    }
  }

  async #sweep(): Promise<void> {
    const { store, batch, onReaped, onSwept } = this.#options;
    const { signal } = this.#stop;
    const began = performance.now();
    const until = began + maxSweepMs;
    try {
      for (let more = true; more && !signal.aborted && performance.now() < until; ) {
        const answer = await store.admin.reap({ limit: batch, signal });
        onReaped(answer);
        // Also where no record went: what there is more of may be commit ids that nobody needs to hear of.
        more = answer.more && (await this.#lease.keep());
        // Whoever else waits for this process comes first; a sweep has all the time there is.
        if (more) await turn();
      }
    } finally {
      onSwept?.(performance.now() - began);
    }
  }
}

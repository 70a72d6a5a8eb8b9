/**
 * The one writer of this process. Commits in flight share a transaction and an fsync; other work has a transaction of
 * its own. A transaction is synchronous from BEGIN to COMMIT, so nothing else of this process ever runs inside it.
 */
import { isHoldfastError } from "../../record/errors.ts";
import { Aborts, type Settler } from "../../store/abort.ts";
import { Drain } from "../../store/drain.ts";
import type { Connection } from "./connection.ts";
import { isBusy } from "./failures.ts";
import type { ResolvedSqliteOptions } from "./options.ts";
import type { Transaction } from "./transaction.ts";
import { pause, untilNotBusy } from "./waiting.ts";

/** Work for a write transaction. If it throws, the transaction it ran in is rolled back. */
export type Work<T> = (transaction: Transaction) => T;

type Item = {
  readonly work: Work<unknown>;
  /** Tells the caller, once the transaction stands. */
  readonly caller: Settler<unknown>;
  readonly alone: boolean;
  readonly signal: AbortSignal | undefined;
};

/** A transaction takes no further commits after this long: neither the thread nor the lock is held much longer. */
const sliceMs = 8;
/** Having held the lock for this long with other writers about, leave it alone for a moment. */
const contendedHoldMs = 10;
const contendedPauseMs = 3;
/** For how long other writers count as about. */
const contendedWithinMs = 1_000;

export class Writer {
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #drain: Drain<Item>;
  readonly #aborts = new Aborts();
  #foundBusyAt = Number.NEGATIVE_INFINITY;
  #heldMs = 0;

  constructor(connection: Connection, options: ResolvedSqliteOptions) {
    const { busyTimeoutMs, maxBatch, maxQueue, lingerMs } = options;
    this.#connection = connection;
    this.#timeoutMs = busyTimeoutMs;
    this.#drain = new Drain({ run: (items) => this.#run(items), maxBatch, maxQueue, lingerMs });
  }

  get queued(): number {
    return this.#drain.queued;
  }

  /** What was sent so far, by size. */
  get batches(): readonly number[] {
    return this.#drain.batches;
  }

  /** Resolves once nothing is queued or under way. */
  idle(): Promise<void> {
    return this.#drain.idle();
  }

  /** Runs `work` in one transaction with what else is in flight; it is repeated by itself if a neighbour fails. */
  share<T>(work: Work<T>, signal?: AbortSignal): Promise<T> {
    return this.#add(work, false, signal);
  }

  /** Runs `work` in a transaction of its own. */
  alone<T>(work: Work<T>, signal?: AbortSignal): Promise<T> {
    return this.#add(work, true, signal);
  }

  /** Rejects with `ABORTED` as soon as the signal says so, unless the work has been done by then. */
  #add<T>(work: Work<T>, alone: boolean, signal: AbortSignal | undefined): Promise<T> {
    return this.#aborts.until<T>(signal, (settler) => {
      // What the work of this item answers, and nothing else, is handed to its caller.
      const caller = settler as Settler<unknown>;
      const refusal = this.#drain.push({ work, caller, alone, signal });
      if (refusal !== undefined) settler.reject(refusal);
    });
  }

  async #run(items: readonly Item[]): Promise<void> {
    let done = 0;
    while (done < items.length) {
      if (done > 0) await pause(0);
      const rest = done === 0 ? items : items.slice(done);
      const end = rest.findIndex(({ alone }) => alone);
      done += await this.#transact(end < 0 ? rest : rest.slice(0, Math.max(1, end)));
    }
  }

  /** One transaction over as many of the items, from the first, as time allows. Returns how many were settled. */
  async #transact(items: readonly Item[]): Promise<number> {
    await this.#giveWay();
    const onBusy = (): void => {
      this.#foundBusyAt = performance.now();
    };
    try {
      return await untilNotBusy(() => this.#attempt(items), { timeoutMs: this.#timeoutMs, onBusy });
    } catch (error) {
      if (items.length === 1 || concernsAll(error)) {
        for (const { caller } of items) caller.reject(error);
        return items.length;
      }
      // Whatever failed may be the fault of one: give each a transaction of its own.
      for (const item of items) {
        await pause(0);
        await this.#transact([item]);
      }
      return items.length;
    }
  }

  #attempt(items: readonly Item[]): number {
    const beganAt = performance.now();
    let taken = 0;
    const answers: unknown[] = [];
    this.#connection.write((transaction) => {
      for (const { work, signal } of items) {
        taken += 1;
        // The caller of an aborted item has had its answer already.
        answers.push(signal?.aborted === true ? undefined : work(transaction));
        if (performance.now() - beganAt > sliceMs) break;
      }
    });
    this.#heldMs += performance.now() - beganAt;
    for (const [index, answer] of answers.entries()) items[index]?.caller.resolve(answer);
    return taken;
  }

  /** Lets other processes have the lock, which they can only try for, never queue for. */
  async #giveWay(): Promise<void> {
    const contended =
      performance.now() - this.#foundBusyAt <= contendedWithinMs ||
      this.#connection.othersWroteWithin(contendedWithinMs);
    if (!contended) this.#heldMs = 0;
    if (this.#heldMs < contendedHoldMs) return;
    this.#heldMs = 0;
    await pause(1 + Math.random() * contendedPauseMs);
  }
}

/** Failures that would only be met again by each item in turn. */
function concernsAll(error: unknown): boolean {
  if (isHoldfastError(error, "OUTCOME_UNKNOWN") || isHoldfastError(error, "SCHEMA_MISMATCH")) return true;
  return isHoldfastError(error, "UNAVAILABLE") && isBusy(error.cause);
}

/**
 * Reads of one tick share a transaction, and so one look at whether the cache still holds. They run once the callers
 * of that tick have all had their turn, and leave the event loop alone between slices.
 */
import { Aborts } from "../../store/abort.ts";
import type { Connection } from "./connection.ts";
import { isBusy, translate } from "./failures.ts";
import { pause, untilNotBusy } from "./waiting.ts";

/** After this long on the thread the rest waits a turn of the event loop. */
const sliceMs = 4;

type Waiting = {
  /** Answers one reader. Throws only what concerns all: that the database was busy. */
  readonly answer: () => void;
  readonly fail: (error: unknown) => void;
};

export class Readers {
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #aborts = new Aborts();
  readonly #queue: Waiting[] = [];
  #running: Promise<void> | undefined;
  /** When the current turn of the event loop began to serve reads. */
  #turnBeganAt: number | undefined;

  constructor(connection: Connection, timeoutMs: number) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
  }

  /** Runs `work` inside a read transaction of its own or shared with others. Throws translated errors. */
  run<T>(work: () => T, signal?: AbortSignal): Promise<T> {
    return this.#aborts.until<T>(signal, ({ resolve, reject }) => {
      const answer = (): void => {
        // An aborted caller has had its answer already.
        if (signal?.aborted === true) return;
        let value: T;
        try {
          value = work();
        } catch (error) {
          if (isBusy(error)) throw error;
          reject(translate(error));
          return;
        }
        resolve(value);
      };
      this.#queue.push({ answer, fail: reject });
      this.#running ??= this.#drain();
    });
  }

  /** Resolves once nobody waits for an answer. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Never rejects. */
  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#turn();
      try {
        await untilNotBusy(() => this.#slice(), { timeoutMs: this.#timeoutMs });
      } catch (error) {
        for (const { fail } of this.#queue.splice(0)) fail(error);
      }
    }
    this.#running = undefined;
  }

  /** After the callers of this tick; in the next turn of the event loop once this one has done its share of reading. */
  #turn(): Promise<void> {
    const now = performance.now();
    if (this.#turnBeganAt === undefined) {
      this.#turnBeganAt = now;
      setImmediate(() => {
        this.#turnBeganAt = undefined;
      });
    }
    if (now - this.#turnBeganAt > sliceMs) return pause(0);
    return new Promise((resolve) => process.nextTick(resolve));
  }

  #slice(): void {
    const until = performance.now() + sliceMs;
    this.#connection.read(() => {
      let done = 0;
      try {
        for (const waiting of this.#queue) {
          waiting.answer();
          done += 1;
          if (performance.now() > until) break;
        }
      } finally {
        this.#queue.splice(0, done);
      }
    });
  }
}

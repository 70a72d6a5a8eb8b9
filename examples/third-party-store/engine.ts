/** The one way in: answers come from the state, and what changes it is in the journal before anybody is told. */
import { Batcher, Gate, HoldfastError, openCursor, type Settle, sealCursor } from "holdfast/contract";

import type { Journal } from "./journal.ts";
import type { Entry, Held, State } from "./state.ts";

/** Something that may write: it answers, and says what has to be in the journal before it may. */
type Work = {
  readonly signal: AbortSignal | undefined;
  readonly run: (now: number, write: (entry: Entry) => void) => unknown;
};

export class Engine {
  readonly state: State;
  readonly gate: Gate = new Gate();
  failure: HoldfastError | undefined;
  readonly #journal: Journal<Entry>;
  readonly #clock: () => number;
  readonly #batcher: Batcher<Work, unknown>;
  #lastAt: number;

  constructor(state: State, journal: Journal<Entry>, clock: () => number, lastAt: number) {
    this.state = state;
    this.#journal = journal;
    this.#clock = clock;
    this.#lastAt = lastAt;
    this.#batcher = new Batcher({ run: async (works) => this.#runBatch(works), maxBatch: 256, maxQueue: 10_000 });
  }

  get queued(): number {
    return this.#batcher.queued;
  }

  async close(): Promise<void> {
    await this.gate.close();
    this.#journal.close();
  }

  /** Answers from the state as it is. */
  look<T>(validate: () => void, answer: (now: number) => T): Promise<T> {
    return this.gate.run(async () => {
      validate();
      return answer(this.#now());
    });
  }

  /** Runs work in the next batch; its answer is given once its entry is on the disk. */
  async write<T>(signal: AbortSignal | undefined, run: (now: number, write: (entry: Entry) => void) => T): Promise<T> {
    throwIfAborted(signal);
    // What the work of this item answers, and nothing else, comes back.
    return (await this.#batcher.add({ signal, run })) as T;
  }

  /** All of it synchronous: nobody sees what is not on the disk yet. */
  #runBatch(works: readonly Work[]): readonly Settle<unknown>[] {
    const entries: Entry[] = [];
    const now = this.#now();
    const outcomes = works.map(({ signal, run }): Settle<unknown> => {
      try {
        throwIfAborted(signal);
        if (this.failure !== undefined) throw this.failure;
        const value = run(now, (entry) => {
          // As it will be read back: what callers do with their objects later is nothing to us.
          const own = structuredClone(entry);
          entries.push(own);
          this.state.apply(own);
        });
        return { value };
      } catch (error) {
        return { error };
      }
    });
    try {
      if (entries.length > 0) this.#journal.append(entries);
      return outcomes;
    } catch (cause) {
      // What is in memory is ahead of the disk now: only opening the file again tells what stands.
      this.failure = new HoldfastError("OUTCOME_UNKNOWN", "the journal could not be written; open the store again", {
        cause,
      });
      return works.map(() => ({ error: this.failure }));
    }
  }

  paged(
    all: readonly Held[],
    scope: string,
    { after, limit, order = "oldest" }: { after?: string | undefined; limit: number; order?: "oldest" | "newest" },
  ): { readonly page: readonly Held[]; readonly next: string | undefined } {
    const from = after === undefined ? undefined : openCursor(this.state.cursorKey, scope, after);
    const isBeyond = ({ place }: Held): boolean =>
      from === undefined || (order === "oldest" ? place > from : place < from);
    const rest = all.filter(isBeyond);
    const page = rest.slice(0, limit);
    const last = rest.length > limit ? page.at(-1) : undefined;
    return { page, next: last && sealCursor(this.state.cursorKey, scope, last.place) };
  }

  /** Never runs backwards, over restarts neither. */
  #now(): number {
    this.#lastAt = Math.max(this.#lastAt, this.#clock());
    return this.#lastAt;
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new HoldfastError("ABORTED", "the call was aborted");
}

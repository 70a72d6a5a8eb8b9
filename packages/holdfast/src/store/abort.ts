import { abortedBy } from "../record/abort.ts";

export type Settler<T> = { readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void };

/** Lets many calls share one signal: one listener on it, however many wait, and none once nobody does. */
export class Aborts {
  readonly #waiting = new WeakMap<AbortSignal, Waiting>();

  /** A promise that `start` settles, and that rejects with `ABORTED` as soon as the signal says so. The first counts. */
  until<T>(signal: AbortSignal | undefined, start: (settler: Settler<T>) => void): Promise<T> {
    if (signal === undefined) return new Promise<T>((resolve, reject) => start({ resolve, reject }));
    return new Promise<T>((resolve, reject) => {
      const release = this.#whenAborted(signal, reject);
      // Released as it settles, rather than by one more promise behind it.
      start({
        resolve: (value) => {
          release();
          resolve(value);
        },
        reject: (error) => {
          release();
          reject(error);
        },
      });
    });
  }

  #whenAborted(signal: AbortSignal, reject: (error: unknown) => void): () => void {
    const waiting = this.#waiting.get(signal) ?? this.#listen(signal);
    waiting.rejects.add(reject);
    return () => {
      waiting.rejects.delete(reject);
      if (waiting.rejects.size > 0) return;
      signal.removeEventListener("abort", waiting.onAbort);
      this.#waiting.delete(signal);
    };
  }

  #listen(signal: AbortSignal): Waiting {
    const rejects = new Set<(error: unknown) => void>();
    const onAbort = (): void => {
      this.#waiting.delete(signal);
      for (const reject of rejects) reject(abortedBy(signal));
    };
    const waiting = { rejects, onAbort };
    this.#waiting.set(signal, waiting);
    signal.addEventListener("abort", onAbort, { once: true });
    return waiting;
  }
}

type Waiting = { readonly rejects: Set<(error: unknown) => void>; readonly onAbort: () => void };

import { abortedBy, throwIfAborted } from "../../record/abort.ts";
import type { Store } from "../../store/contract.ts";

export const leaseTopic = "holdfast.leases";

const vagueRestMs = 5;

/** Waits for a hint about one thing, or for a time. A hint that came while nobody waited is not forgotten. */
export class Wakes implements Disposable {
  readonly #unsubscribe: () => void;
  #woken: "surely" | "perhaps" | undefined;
  #wake: (() => void) | undefined;

  constructor(store: Pick<Store, "subscribe">, topic: string, about: string) {
    this.#unsubscribe = store.subscribe(topic, (hint) => {
      if (hint !== undefined && hint !== about) return;
      this.#woken = hint === undefined ? (this.#woken ?? "perhaps") : "surely";
      this.#wake?.();
    });
  }

  /** Throws `ABORTED` as soon as the caller gives up. */
  async wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    throwIfAborted(signal);
    if (this.#woken === undefined) await this.#sleep(ms, signal);
    const vague = this.#woken === "perhaps";
    this.#woken = undefined;
    // Where every change of a busy store may be the one, not every change is looked into.
    if (vague) await this.#sleep(Math.min(ms, vagueRestMs), signal);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#wake = undefined;
      };
      const onAbort = (): void => {
        settle();
        reject(abortedBy(signal));
      };
      const timer = setTimeout(() => this.#wake?.(), ms);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#wake = () => {
        settle();
        resolve();
      };
    });
  }
}

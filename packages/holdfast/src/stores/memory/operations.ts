/** The time and the turn every operation of the store is given, and the end of all of them. */
import { throwIfAborted } from "../../record/abort.ts";
import { Gate } from "../../store/gate.ts";
import type { ResolvedOptions } from "./options.ts";

export class Operations {
  readonly #options: Pick<ResolvedOptions, "clock" | "turn">;
  readonly #gate = new Gate();
  #lastNow = Number.NEGATIVE_INFINITY;

  constructor(options: Pick<ResolvedOptions, "clock" | "turn">) {
    this.#options = options;
  }

  /** Checks the arguments now, and carries the operation out, uninterrupted, one turn later. */
  run<T>(signal: AbortSignal | undefined, validate: () => void, effect: (now: number) => T): Promise<T> {
    return this.#gate.run(async () => {
      validate();
      await this.#options.turn();
      throwIfAborted(signal);
      return effect(this.#now());
    });
  }

  /** Throws `CLOSED` once closing has begun. */
  assertOpen(): void {
    this.#gate.assertOpen();
  }

  /** Lets nothing new begin; resolves once what began is over. */
  close(): Promise<void> {
    return this.#gate.close();
  }

  /** Never runs backwards: what has expired stays expired, whatever happens to the system's clock. */
  #now(): number {
    this.#lastNow = Math.max(this.#lastNow, this.#options.clock());
    return this.#lastNow;
  }
}

/** The time and the turn every operation of the store is given, and the end of all of them. */
import { HoldfastError } from "../../record/errors.ts";
import { throwIfAborted } from "../../store/validate.ts";
import type { ResolvedOptions } from "./options.ts";

export class Operations {
  readonly #options: Pick<ResolvedOptions, "clock" | "turn">;
  #closed = false;
  #underWay = 0;
  #lastNow = Number.NEGATIVE_INFINITY;
  readonly #idle: (() => void)[] = [];

  constructor(options: Pick<ResolvedOptions, "clock" | "turn">) {
    this.#options = options;
  }

  /** Checks the arguments now, and carries the operation out, uninterrupted, one turn later. */
  async run<T>(signal: AbortSignal | undefined, validate: () => void, effect: (now: number) => T): Promise<T> {
    this.assertOpen();
    validate();
    this.#underWay += 1;
    try {
      await this.#options.turn();
      throwIfAborted(signal);
      return effect(this.#now());
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  assertOpen(): void {
    if (this.#closed) throw new HoldfastError("CLOSED", "the store is closed");
  }

  /** Lets nothing new begin; resolves once what began is over. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Never runs backwards: what has expired stays expired, whatever happens to the system's clock. */
  #now(): number {
    this.#lastNow = Math.max(this.#lastNow, this.#options.clock());
    return this.#lastNow;
  }
}

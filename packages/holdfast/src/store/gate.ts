import { HoldfastError } from "../record/errors.ts";

/**
 * Counts what is under way, so that closing can let it finish and let nothing new begin.
 *
 * @example
 * const gate = new Gate();
 * const count = await gate.run(async () => 1);
 * await gate.close(); // What began finishes; whatever comes now is `CLOSED`.
 */
export class Gate {
  #open = true;
  #underWay = 0;
  readonly #whenIdle: (() => void)[] = [];

  /** Throws `CLOSED` once closing has begun. */
  assertOpen(): void {
    if (!this.#open) throw new HoldfastError("CLOSED", "the store is closed");
  }

  /** Begins an operation, however many steps it takes. Throws `CLOSED` once closing has begun. */
  enter(): void {
    this.assertOpen();
    this.#underWay += 1;
  }

  /** Ends an operation that was begun. */
  leave(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** Runs a whole operation between `enter` and `leave`. */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    this.enter();
    try {
      return await operation();
    } finally {
      this.leave();
    }
  }

  /** Lets nothing new begin; resolves once what began is over. */
  async close(): Promise<void> {
    this.#open = false;
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }
}

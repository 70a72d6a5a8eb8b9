import type { Owner } from "../../record/record.ts";

/** Which bound a new stream would break. */
export type Full = "node" | "principal";

/** Live streams, counted per node and per principal. Holds nothing for principals without streams. */
export class StreamSlots {
  readonly #max: number;
  readonly #maxPerOwner: number;
  readonly #onRefused: (full: Full) => void;
  readonly #perOwner = new Map<Owner, number>();
  #taken = 0;

  constructor(max: number, maxPerOwner: number, onRefused: (full: Full) => void = () => undefined) {
    this.#max = max;
    this.#maxPerOwner = maxPerOwner;
    this.#onRefused = onRefused;
  }

  get taken(): number {
    return this.#taken;
  }

  /** A function that gives the slot back, once; or why there is none. */
  take(owner: Owner): (() => void) | Full {
    const own = this.#perOwner.get(owner) ?? 0;
    const full = this.#taken >= this.#max ? "node" : own >= this.#maxPerOwner ? "principal" : undefined;
    if (full !== undefined) {
      this.#onRefused(full);
      return full;
    }
    this.#taken += 1;
    this.#perOwner.set(owner, own + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#giveBack(owner);
    };
  }

  #giveBack(owner: Owner): void {
    this.#taken -= 1;
    const left = (this.#perOwner.get(owner) ?? 1) - 1;
    if (left > 0) this.#perOwner.set(owner, left);
    else this.#perOwner.delete(owner);
  }
}

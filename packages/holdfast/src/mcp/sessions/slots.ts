import type { Owner } from "../../record/record.ts";

/** Which bound a new stream would break. */
export type Full = "node" | "principal";

/** Live streams, counted per node and per principal. Holds nothing for principals without streams. */
export class StreamSlots {
  readonly #max: number;
  readonly #maxPerOwner: number;
  readonly #perOwner = new Map<Owner, number>();
  #taken = 0;

  constructor(max: number, maxPerOwner: number) {
    this.#max = max;
    this.#maxPerOwner = maxPerOwner;
  }

  get taken(): number {
    return this.#taken;
  }

  /** A function that gives the slot back, once; or why there is none. */
  take(owner: Owner): (() => void) | Full {
    const own = this.#perOwner.get(owner) ?? 0;
    if (this.#taken >= this.#max) return "node";
    if (own >= this.#maxPerOwner) return "principal";
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

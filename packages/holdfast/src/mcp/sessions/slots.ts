import type { Owner } from "../../record/record.ts";

/** Which bound a new stream would break. */
export type Full = "node" | "principal";

/** One stream's place among those of its principal. */
export type Place = {
  /** Gives it back. Once; more often does nothing. */
  giveBack(): void;
  /** Calls something if the place is lost to others: its stream has to end. */
  whenLost(cut: () => void): void;
};

/** The places of each principal, at this node or over all. */
export interface Places {
  /** Undefined where the principal has as many streams as it may. */
  take(owner: Owner): Place | undefined | Promise<Place | undefined>;
  /** Whether other nodes have places of this principal, as far as is known after one was refused. */
  elsewhere(owner: Owner): boolean;
  close(): Promise<void>;
}

export type StreamSlotsInit = {
  /** Of this node. */
  readonly max: number;
  readonly places: Places;
  readonly onRefused?: ((full: Full) => void) | undefined;
};

/** Live streams, counted per node and per principal. */
export class StreamSlots {
  readonly #init: StreamSlotsInit;
  #taken = 0;

  constructor(init: StreamSlotsInit) {
    this.#init = init;
  }

  get taken(): number {
    return this.#taken;
  }

  /** A place, or why there is none. Throws what the store throws where the places of all nodes had to be counted. */
  async take(owner: Owner): Promise<Place | Full> {
    const { max, places } = this.#init;
    if (this.#taken >= max) return "node";
    this.#taken += 1;
    let place: Place | undefined;
    try {
      place = await places.take(owner);
    } finally {
      if (place === undefined) this.#taken -= 1;
    }
    return place === undefined ? "principal" : this.#counted(place);
  }

  /** Whether other nodes have streams of this principal, as far as is known after one was refused. */
  elsewhere(owner: Owner): boolean {
    return this.#init.places.elsewhere(owner);
  }

  /** Somebody was refused for it, which is counted. */
  refuse(full: Full): Full {
    this.#init.onRefused?.(full);
    return full;
  }

  /** Resolves when nothing is under way at the store. */
  close(): Promise<void> {
    return this.#init.places.close();
  }

  #counted(place: Place): Place {
    let held = true;
    return {
      giveBack: () => {
        if (!held) return;
        held = false;
        this.#taken -= 1;
        place.giveBack();
      },
      whenLost: (cut) => place.whenLost(cut),
    };
  }
}

/** Places counted by one process alone: where the store is its own. Holds nothing for principals without streams. */
export class OwnPlaces implements Places {
  readonly #max: number;
  readonly #taken = new Map<Owner, number>();

  constructor(max: number) {
    this.#max = max;
  }

  take(owner: Owner): Place | undefined {
    const own = this.#taken.get(owner) ?? 0;
    if (own >= this.#max) return undefined;
    this.#taken.set(owner, own + 1);
    return { giveBack: () => this.#giveBack(owner), whenLost: () => undefined };
  }

  elsewhere(): boolean {
    return false;
  }

  async close(): Promise<void> {
    // Nothing of it is anywhere else.
  }

  #giveBack(owner: Owner): void {
    const left = (this.#taken.get(owner) ?? 1) - 1;
    if (left > 0) this.#taken.set(owner, left);
    else this.#taken.delete(owner);
  }
}

/**
 * What is being answered at this node at a time: how many requests, and how many bytes of their bodies. A call may outlive
 * its connection, and ten thousand connections may each bring a body of four mebibytes as slowly as its deadline lets them, so
 * counting connections is no bound. Each principal has a part of the whole, so that one who takes all of its part leaves the others theirs.
 */
import type { Owner } from "../../record/record.ts";
import type { ServeLimits } from "../types.ts";

export type InFlightLimits = Pick<
  ServeLimits,
  "maxBodyBytes" | "maxRequestsInFlight" | "maxRequestsInFlightPerPrincipal" | "maxBodyBytesInFlight"
>;

/** Which bound one more would break. */
export type Crowded = "node_requests" | "principal_requests" | "node_bodies" | "principal_bodies";

/** One request that is being answered. */
export interface Passage {
  /** Counts bytes that are held for it. Which bound they break; undefined if none, and only then they are counted. */
  grow(bytes: number): Crowded | undefined;
  /** It is counted elsewhere from here on, as a stream say, and what is held for it until it ends still is here. */
  readonly leave: () => void;
  /** It is over, and what was counted for it is free. Calling it again does nothing. */
  readonly end: () => void;
}

type Held = { requests: number; bytes: number };

/** A quarter of the bodies, and in any case one body of the greatest size. */
const principalsPart = 4;

export class InFlight {
  readonly #limits: InFlightLimits;
  readonly #maxBytesPerOwner: number;
  readonly #onRefused: (crowded: Crowded) => void;
  readonly #all: Held = { requests: 0, bytes: 0 };
  /** Holds nothing for principals without requests. */
  readonly #perOwner = new Map<Owner, Held>();

  constructor(limits: InFlightLimits, onRefused: (crowded: Crowded) => void = () => undefined) {
    this.#limits = limits;
    this.#maxBytesPerOwner = Math.max(limits.maxBodyBytes, Math.floor(limits.maxBodyBytesInFlight / principalsPart));
    this.#onRefused = onRefused;
  }

  /** A place for one more request; or why there is none. */
  begin(owner: Owner): Passage | Crowded {
    const { maxRequestsInFlight, maxRequestsInFlightPerPrincipal } = this.#limits;
    const own = this.#perOwner.get(owner) ?? { requests: 0, bytes: 0 };
    if (own.requests >= maxRequestsInFlightPerPrincipal) return this.#refuse("principal_requests");
    if (this.#all.requests >= maxRequestsInFlight) return this.#refuse("node_requests");
    this.#perOwner.set(owner, own);
    own.requests += 1;
    this.#all.requests += 1;
    let held = 0;
    let [left, over] = [false, false];
    const leave = (): void => {
      if (left) return;
      left = true;
      own.requests -= 1;
      this.#all.requests -= 1;
    };
    return {
      grow: (bytes) => {
        const crowded = over ? undefined : this.#grow(own, bytes);
        if (crowded === undefined && !over) held += bytes;
        return crowded;
      },
      leave,
      end: () => {
        if (over) return;
        over = true;
        leave();
        own.bytes -= held;
        this.#all.bytes -= held;
        if (own.requests === 0 && own.bytes === 0) this.#perOwner.delete(owner);
      },
    };
  }

  #grow(own: Held, bytes: number): Crowded | undefined {
    if (own.bytes + bytes > this.#maxBytesPerOwner) return this.#refuse("principal_bodies");
    if (this.#all.bytes + bytes > this.#limits.maxBodyBytesInFlight) return this.#refuse("node_bodies");
    own.bytes += bytes;
    this.#all.bytes += bytes;
    return undefined;
  }

  #refuse(crowded: Crowded): Crowded {
    this.#onRefused(crowded);
    return crowded;
  }
}

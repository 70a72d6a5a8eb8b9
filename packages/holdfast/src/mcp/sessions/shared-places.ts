/**
 * Streams of each principal, counted over all nodes on one store, exactly: a node has a share of a principal's places,
 * which stands in the store before a stream of it opens.
 *
 * A share grows by what is asked for at once, in one commit, and is given back a moment after its streams ended: who
 * streams one call after the other pays for the first. A share counts as long as its node lives, which it says of itself
 * (`NodeLife`); so what a node that was killed had is free within its lease. Who was given up for dead, and was only
 * paused, finds that out with its next sign of life, and ends the streams whose places others have taken.
 */
import { HoldfastError } from "../../record/errors.ts";
import { mintSecret } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { NodeLife } from "./node-life.ts";
import { readShares, type Shares, type Standing, shareIdleMs, writeShares } from "./share-record.ts";
import { OwnPlaces, type Place, type Places } from "./slots.ts";

export type SharedPlacesInit = {
  readonly store: Store;
  /** Of one principal, over all nodes. */
  readonly max: number;
  readonly onError: (error: unknown) => void;
};

/** What this node has of one principal's places. */
type Share = {
  /** The streams that are open here, oldest first. */
  readonly open: Set<Held>;
  readonly waiting: Waiting[];
  /** As the store has it, as far as is known. */
  held: number;
  standing: Standing | undefined;
  writtenAt: number;
  /** Nobody asks the store before. */
  fullUntil: number;
  settling: Promise<void> | undefined;
  givingBack: NodeJS.Timeout | undefined;
};

type Held = { cut: (() => void) | undefined; lost: boolean };
type Waiting = { readonly resolve: (place: Place | undefined) => void; readonly reject: (error: unknown) => void };

/** How long a place is kept for the next stream of its principal here. */
const lingerMs = 500;
/** A flood of streams beyond the limit asks the store four times a second. */
const fullMs = 250;
const deadlineMs = 5_000;
/** After a failure: what a store that is away does not know, it does not know for a while. */
const retryMs = 5_000;
const attempts = 32;

/** A store of one process has nobody else to count with. */
export function placesOf(init: SharedPlacesInit): Places {
  return init.store.traits.shared ? new SharedPlaces(init) : new OwnPlaces(init.max);
}

export class SharedPlaces implements Places {
  readonly #init: SharedPlacesInit;
  readonly #node = mintSecret(72);
  readonly #life: NodeLife;
  readonly #shares = new Map<Owner, Share>();
  #endLife: (() => void) | undefined;
  #closed = false;

  constructor(init: SharedPlacesInit) {
    this.#init = init;
    this.#life = new NodeLife(init.store, this.#node, init.onError, {
      onBeat: () => this.#keepRecords(),
      onLapsed: () => this.#verify(),
    });
  }

  take(owner: Owner): Place | undefined | Promise<Place | undefined> {
    const share = this.#shareOf(owner);
    if (share.waiting.length === 0 && share.open.size < share.held) return this.#granted(owner, share);
    const full = share.open.size + share.waiting.length >= this.#init.max || performance.now() < share.fullUntil;
    if (full || this.#closed) {
      this.#forgetIdle(owner, share);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      share.waiting.push({ resolve, reject });
      this.#settle(owner, share);
    });
  }

  elsewhere(owner: Owner): boolean {
    const share = this.#shares.get(owner);
    if (share === undefined || share.open.size >= this.#init.max) return false;
    return share.standing === undefined || sum(without(share.standing.shares, this.#node)) > 0;
  }

  /** Streams that are still open are over with their node: nobody counts its shares any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { givingBack } of this.#shares.values()) clearTimeout(givingBack);
    await Promise.allSettled([...this.#shares.values()].flatMap(({ settling }) => settling ?? []));
    for (const { givingBack } of this.#shares.values()) clearTimeout(givingBack);
    await this.#life.close();
  }

  #shareOf(owner: Owner): Share {
    const standing = this.#shares.get(owner);
    if (standing !== undefined) return standing;
    const share: Share = {
      open: new Set(),
      waiting: [],
      held: 0,
      standing: undefined,
      writtenAt: 0,
      fullUntil: 0,
      settling: undefined,
      givingBack: undefined,
    };
    this.#shares.set(owner, share);
    this.#endLife ??= this.#life.begin();
    return share;
  }

  #forgetIdle(owner: Owner, share: Share): void {
    const { open, waiting, held, settling, fullUntil } = share;
    if (open.size + waiting.length + held > 0 || settling !== undefined) return;
    // Looked at again when that is over: there may be nobody else to do it.
    if (performance.now() < fullUntil && !this.#closed) return this.#giveBackSoon(owner, share);
    clearTimeout(share.givingBack);
    if (this.#shares.get(owner) !== share) return;
    this.#shares.delete(owner);
    if (this.#shares.size > 0) return;
    this.#endLife?.();
    this.#endLife = undefined;
  }

  #granted(owner: Owner, share: Share): Place {
    const held: Held = { cut: undefined, lost: false };
    share.open.add(held);
    return {
      giveBack: () => {
        if (share.open.delete(held)) this.#giveBackSoon(owner, share);
      },
      whenLost: (cut) => {
        held.cut = cut;
        // Its stream may have been long in the making.
        if (held.lost) cut();
      },
    };
  }

  #giveBackSoon(owner: Owner, share: Share, delayMs = lingerMs): void {
    if (this.#closed) return;
    share.givingBack ??= setTimeout(() => {
      share.givingBack = undefined;
      if (share.standing !== undefined && share.open.size === share.held) this.#forgetIdle(owner, share);
      else this.#settle(owner, share);
    }, delayMs).unref();
  }

  /** Makes the share what it has to be, one commit after the other, until nobody waits for it. */
  #settle(owner: Owner, share: Share): void {
    if (share.settling !== undefined) return;
    const settling = async (): Promise<void> => {
      do {
        const asked = share.waiting.length;
        try {
          await this.#settleOnce(owner, share);
          this.#grant(owner, share, asked);
        } catch (error) {
          // What the store has now is unknown: it is asked before anything else is done, and soon.
          share.standing = undefined;
          for (const { reject } of share.waiting.splice(0, asked)) reject(error);
          if (asked === 0) this.#init.onError(error);
          this.#giveBackSoon(owner, share, retryMs);
        }
      } while (share.waiting.length > 0);
    };
    share.settling = settling().finally(() => {
      share.settling = undefined;
      // Whoever was answered may have asked for the next before this was known to be over.
      if (share.waiting.length > 0) this.#settle(owner, share);
      else if (share.open.size < share.held || share.fullUntil > 0) this.#giveBackSoon(owner, share);
      else this.#forgetIdle(owner, share);
    });
  }

  #grant(owner: Owner, share: Share, asked: number): void {
    for (const { resolve } of share.waiting.splice(0, asked)) {
      resolve(share.open.size < share.held ? this.#granted(owner, share) : undefined);
    }
    // Streams whose places others took while this node was thought dead: the newest go.
    for (const lost of [...share.open].slice(share.held)) {
      share.open.delete(lost);
      lost.lost = true;
      lost.cut?.();
    }
  }

  async #settleOnce(owner: Owner, share: Share): Promise<void> {
    const { store, max } = this.#init;
    const signal = AbortSignal.timeout(deadlineMs);
    await this.#life.announced(signal);
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const remembered = share.standing;
      const standing = remembered ?? (await readShares(store, owner, signal));
      const wanted = Math.min(share.open.size + share.waiting.length, max);
      let others = without(standing.shares, this.#node);
      if (max - sum(others) < wanted) {
        if (remembered !== undefined) {
          share.standing = undefined;
          continue;
        }
        others = await this.#living(others, signal);
      }
      const mine = Math.max(0, Math.min(wanted, max - sum(others)));
      share.fullUntil = mine < wanted ? performance.now() + fullMs : 0;
      // What is about to be given back is nobody's from here on.
      share.held = Math.min(share.held, mine);
      const shares: Shares = mine > 0 ? new Map([...others, [this.#node, mine]]) : others;
      const written = same(shares, standing.shares)
        ? standing
        : await writeShares(store, owner, standing, shares, signal);
      if (written !== undefined) {
        if (written !== standing) share.writtenAt = performance.now();
        share.standing = written;
        share.held = mine;
        return;
      }
      share.standing = undefined;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * (attempt + 1)));
    }
    throw new HoldfastError("UNAVAILABLE", "the streams of a principal could not be counted: too many nodes at once");
  }

  /** The shares of nodes that have said of late that they live. */
  async #living(shares: Shares, signal: AbortSignal): Promise<Shares> {
    const states = await Promise.all(
      [...shares].map(async (share) => ({ share, state: await this.#life.stateOf(share[0], signal) })),
    );
    return new Map(states.flatMap(({ share, state }) => (state === "alive" ? [share] : [])));
  }

  /** This node was silent for longer than others wait: what it has left is what the store says. */
  #verify(): void {
    for (const [owner, share] of this.#shares) {
      share.standing = undefined;
      this.#settle(owner, share);
    }
  }

  /** Streams may stay longer than their record would. */
  #keepRecords(): void {
    const due = performance.now() - shareIdleMs / 4;
    for (const [owner, share] of this.#shares) {
      if (share.held === 0 || share.writtenAt > due || share.standing === undefined) continue;
      share.writtenAt = performance.now();
      writeShares(this.#init.store, owner, share.standing, share.standing.shares, AbortSignal.timeout(deadlineMs)).then(
        (written) => {
          share.standing = written;
          if (written === undefined && this.#shares.get(owner) === share) this.#settle(owner, share);
        },
        this.#init.onError,
      );
    }
  }
}

function without(shares: Shares, node: string): Shares {
  return new Map([...shares].filter(([name]) => name !== node));
}

function sum(shares: Shares): number {
  return [...shares.values()].reduce((all, count) => all + count, 0);
}

function same(one: Shares, other: Shares): boolean {
  return one.size === other.size && [...one].every(([node, count]) => other.get(node) === count);
}

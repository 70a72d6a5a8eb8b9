/**
 * Calls per minute of each principal, over all nodes on one store.
 *
 * A node leases a part of the budget, a twentieth, from the bucket in the store, and spends it without asking; before it
 * is out it fetches the next behind the caller's back. So a call costs no round trip, apart from a principal's first here,
 * and those when the budget is nearly out.
 *
 * How far off that may be: no more is ever spent than the bucket gave out, and a node has at most a part and a half in
 * hand, for ten seconds. So in any minute a principal is let through by at most that much for each node more than the
 * bucket would let, or refused that much earlier than it. What a node that died had in hand is filled up again by time.
 */
import { LRUCache } from "lru-cache";

import type { Owner } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { leaseFrom } from "./shared-bucket.ts";

export type LeasedBudgetsInit = {
  readonly store: Pick<Store, "read" | "commit">;
  readonly perMinute: number;
  readonly onError: (error: unknown) => void;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
};

type Budget = {
  tokens: number;
  lapsesAt: number;
  /** Nobody asks the store before. */
  emptyUntil: number;
  waiting: number;
  leasing: Promise<void> | undefined;
};

const maxPrincipals = 10_000;
const partsPerMinute = 20;
const lapseMs = 10_000;
/** However fast the bucket fills: a flood asks the store ten times a second at most. */
const minEmptyMs = 100;
/** Rounds of waiting for a part, each of which others may use up; then the caller is asked to come again. */
const maxRounds = 8;

export class LeasedBudgets {
  readonly #init: LeasedBudgetsInit;
  readonly #part: number;
  readonly #now: () => number;
  readonly #budgets = new LRUCache<Owner, Budget>({ max: maxPrincipals });
  readonly #leasing = new Set<Promise<void>>();
  #closed = false;

  constructor(init: LeasedBudgetsInit) {
    this.#init = init;
    this.#part = Math.max(1, Math.ceil(init.perMinute / partsPerMinute));
    this.#now = init.now ?? (() => performance.now());
  }

  /**
   * Spends calls; undefined if there were as many, else the milliseconds until it is worth trying again. More than a minute
   * has counts as a whole minute's. Throws what the store throws, where it had to be asked.
   */
  async spend(owner: Owner, calls: number): Promise<number | undefined> {
    const wanted = Math.min(calls, this.#init.perMinute);
    const budget = this.#budgetOf(owner);
    for (let round = 0; round < maxRounds; round += 1) {
      const now = this.#now();
      if (now >= budget.lapsesAt) budget.tokens = 0;
      if (budget.tokens >= wanted) {
        budget.tokens -= wanted;
        this.#refillSoon(owner, budget, now);
        return undefined;
      }
      if (now < budget.emptyUntil) return budget.emptyUntil - now;
      budget.waiting += wanted;
      try {
        await (budget.leasing ?? this.#lease(owner, budget, Math.max(this.#part, budget.waiting)));
      } finally {
        budget.waiting -= wanted;
      }
    }
    return minEmptyMs;
  }

  /** Fetches nothing more on its own; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#leasing);
  }

  #budgetOf(owner: Owner): Budget {
    let budget = this.#budgets.get(owner);
    if (budget === undefined) {
      budget = { tokens: 0, lapsesAt: 0, emptyUntil: 0, waiting: 0, leasing: undefined };
      this.#budgets.set(owner, budget);
    }
    return budget;
  }

  /** Parts of a few calls are not worth having two of. */
  #refillSoon(owner: Owner, budget: Budget, now: number): void {
    if (this.#part < 4 || budget.tokens > this.#part / 2) return;
    if (this.#closed || budget.leasing !== undefined || now < budget.emptyUntil) return;
    this.#lease(owner, budget, Math.max(this.#part, budget.waiting)).catch(this.#init.onError);
  }

  /** One lease at a time, whoever waits for it. */
  #lease(owner: Owner, budget: Budget, wanted: number): Promise<void> {
    const { store, perMinute } = this.#init;
    const leasing: Promise<void> = leaseFrom(store, owner, perMinute, wanted)
      .then(({ tokens, waitMs }) => {
        const now = this.#now();
        budget.tokens = (now < budget.lapsesAt ? budget.tokens : 0) + tokens;
        budget.lapsesAt = now + lapseMs;
        if (tokens < wanted) budget.emptyUntil = now + Math.max(minEmptyMs, waitMs);
      })
      .finally(() => {
        budget.leasing = undefined;
        this.#leasing.delete(leasing);
      });
    budget.leasing = leasing;
    this.#leasing.add(leasing);
    return leasing;
  }
}

/**
 * How often somebody may call: each request counts as one call, a batch as one for each of its messages. Two budgets, both
 * of which have to allow it: the principal's, which all nodes share, and the connection's, which each node counts by itself.
 */
import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";

import { ownerOf } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import { isAnonymous } from "../../security/anonymous.ts";
import { engineIssuer, ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import type { Store } from "../../store/contract.ts";
import type { Reply } from "../exchange.ts";
import { networkOf } from "../http/addresses.ts";
import { tooManyCalls } from "../http/answers.ts";
import { LeasedBudgets } from "./leased-budgets.ts";
import { filled, msUntil, type TokenBucket } from "./token-bucket.ts";

export type RateLimits = {
  /** `Infinity`: as many as they like. */
  readonly maxCallsPerMinute: number;
  readonly maxCallsPerMinutePerConnection: number;
};

export type RatesInit = {
  readonly limits: RateLimits;
  readonly store: Pick<Store, "read" | "commit">;
  readonly onRefused: (limit: "principal_calls" | "connection_calls") => void;
  readonly onError: (error: unknown) => void;
};

export interface Rates {
  /** The refusal, where it is one call too many. Throws what the store throws. */
  refuse(owner: Owner, connection: string, calls: number): Promise<Reply | undefined>;
  /** Resolves when it has nothing under way at the store. */
  close(): Promise<void>;
}

/** Whose calls are counted together. An anonymous caller would be another one with each handle: there the address counts. */
export function callerOf(principal: Principal, address: string | undefined): Owner {
  if (!isAnonymous(principal)) return ownerOfPrincipal(principal);
  return ownerOf({ issuer: engineIssuer, subject: `calls of ${networkOf(address ?? "")}` });
}

const maxConnections = 10_000;

/** Undefined where nothing is limited. */
export function ratesOf(init: RatesInit): Rates | undefined {
  const { maxCallsPerMinute, maxCallsPerMinutePerConnection } = init.limits;
  const limited = [maxCallsPerMinute, maxCallsPerMinutePerConnection].some(Number.isFinite);
  return limited ? new LimitedRates(init) : undefined;
}

class LimitedRates implements Rates {
  readonly #init: RatesInit;
  readonly #principals: LeasedBudgets | undefined;
  readonly #connections = new LRUCache<string, TokenBucket>({ max: maxConnections });

  constructor(init: RatesInit) {
    this.#init = init;
    const { store, onError, limits } = init;
    const perMinute = limits.maxCallsPerMinute;
    this.#principals = Number.isFinite(perMinute) ? new LeasedBudgets({ store, perMinute, onError }) : undefined;
  }

  async refuse(owner: Owner, connection: string, calls: number): Promise<Reply | undefined> {
    const { onRefused } = this.#init;
    const ofConnection = this.#spendOfConnection(owner, connection, calls);
    if (ofConnection !== undefined) {
      onRefused("connection_calls");
      return tooManyCalls("this connection", ofConnection);
    }
    const { maxCallsPerMinute } = this.#init.limits;
    const ofPrincipal = await this.#principals?.spend(owner, withinOneMinute(calls, maxCallsPerMinute));
    if (ofPrincipal === undefined) return undefined;
    onRefused("principal_calls");
    return tooManyCalls("this principal", ofPrincipal);
  }

  async close(): Promise<void> {
    await this.#principals?.close();
  }

  /** Milliseconds until there is room; undefined where the calls were spent. */
  #spendOfConnection(owner: Owner, connection: string, calls: number): number | undefined {
    const perMinute = this.#init.limits.maxCallsPerMinutePerConnection;
    if (!Number.isFinite(perMinute)) return undefined;
    // What names a connection may be long, and a secret.
    const key = createHash("sha256").update(`${owner}/${connection}`, "utf8").digest("base64url");
    const now = performance.now();
    const bucket = filled(this.#connections.get(key), perMinute, now);
    const wanted = withinOneMinute(calls, perMinute);
    const short = bucket.tokens < wanted;
    this.#connections.set(key, short ? bucket : { tokens: bucket.tokens - wanted, at: now });
    return short ? msUntil(bucket, perMinute, wanted) : undefined;
  }
}

/**
 * A batch of more calls than a minute has takes the whole minute. Its request was counted as one of them before the rest of
 * it was read, and could otherwise never be let through.
 */
function withinOneMinute(calls: number, perMinute: number): number {
  return Math.min(calls, Math.max(1, perMinute - 1));
}

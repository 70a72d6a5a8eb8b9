import { HoldfastError } from "../../record/errors.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";
import { type Lifetime, maxLifetimeMs } from "../../record/record.ts";
import type { Hold } from "../../state/hold.ts";
import { servingHold } from "../../state/open-hold.ts";
import { type ApplicationOptions, applicationOwner, applicationQuota } from "../application.ts";
import { Values } from "../values.ts";

/** Which application's tokens these are, and how many bytes they may take. */
export type TokenStorageOptions = Omit<ApplicationOptions, "onError">;

/**
 * FastMCP's `TokenStorage`, the same on every node. What resolved is in the store. All methods reject with `UNAVAILABLE` where
 * the store cannot be reached, `save` also with `QUOTA_EXCEEDED` once `maxBytes` are taken.
 */
export interface FastMcpTokenStorage {
  /** For `ttl` seconds, above 0; without one until it was not used for 90 days. Throws `INVALID_ARGUMENT` for another. */
  save(key: string, value: unknown, ttl?: number): Promise<void>;
  /** Null where there is none. */
  get(key: string): Promise<unknown>;
  /** Gives a value to one taker, on whatever node they ask; null to all others. */
  take(key: string): Promise<unknown>;
  /** Does nothing where there is none. */
  delete(key: string): Promise<void>;
  /** Does nothing: what has expired cannot be read, and the hold removes it. */
  cleanup(): Promise<void>;
}

/** What is saved without a time to live, such as a client's registration, goes once it was not used for this long. */
const unusedMs = 90 * 24 * 3_600_000;

/**
 * Where the OAuth proxy of FastMCP keeps its transactions, codes and token mappings: on every node alike, through
 * restarts, each code redeemed once. Keys, which are codes and token ids, are stored as digests only.
 *
 * Values are stored as they are given. FastMCP encrypts them first, unless its `encryptionKey` is `false`; but a key of
 * its own making dies with the process, so give it one.
 *
 * @example
 * new OAuthProxy({ ...upstream, tokenStorage: tokenStorage(hold), encryptionKey: process.env.TOKEN_KEY! });
 */
export function tokenStorage(hold: Pick<Hold, "sessions">, options: TokenStorageOptions = {}): FastMcpTokenStorage {
  const { store } = servingHold(hold);
  refuseUnknownNames("tokenStorage()", options, ["application", "maxBytes"]);
  const owner = applicationOwner("fastmcp", options);
  const values = new Values({ store, owner, kind: "holdfast.fastmcp-token", quota: applicationQuota(options) });
  return {
    save: async (key, value, ttl) =>
      await values.put(key, value, ttl === undefined ? { idleMs: unusedMs } : lifetime(ttl)),
    get: async (key) => (await values.get(key)) ?? null,
    take: async (key) => (await values.take(key)) ?? null,
    delete: (key) => values.remove(key),
    // Expiry is the store's, and removal the hold's.
    cleanup: () => Promise.resolve(),
  };
}

function lifetime(ttl: number): Lifetime {
  if (ttl > 0) return { absoluteMs: Math.min(Math.ceil(ttl * 1_000), maxLifetimeMs) };
  throw new HoldfastError("INVALID_ARGUMENT", `a token lives for a number of seconds above 0, not ${String(ttl)}`);
}

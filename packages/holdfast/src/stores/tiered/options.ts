import { HoldfastError } from "../../record/errors.ts";
import type { PostgresOptions } from "../postgres/options.ts";
import { type RedisOptions, type ResolvedRedisOptions, resolveOptions as resolveRedis } from "../redis/options.ts";

/** The two stores, both needed, and how far the cache may lag, in milliseconds. What is unknown or cannot be throws `CONFIGURATION`. */
export type TieredOptions = {
  /** The truth: a URL, or options of the PostgreSQL store. */
  readonly postgres: string | PostgresOptions;
  /**
   * What stands before it: a URL, or options of the Redis store. It keeps nothing that PostgreSQL does not have, so it
   * needs no append-only file and may evict.
   */
  readonly redis: string | RedisOptions;
  /**
   * How old an answer from Redis may be, for calls that allow one at all (`replica: true`). 0 turns the cache off and
   * leaves the hints. Default 2,000.
   */
  readonly maxStaleMs?: number | undefined;
  /** How long Redis may take for an answer before PostgreSQL is asked instead. Default 250. */
  readonly cacheTimeoutMs?: number | undefined;
};

export type ResolvedTieredOptions = {
  readonly postgres: PostgresOptions;
  readonly redis: ResolvedRedisOptions;
  readonly maxStaleMs: number;
  readonly cacheTimeoutMs: number;
};

const known: { readonly [Name in keyof Required<TieredOptions>]: true } = {
  postgres: true,
  redis: true,
  maxStaleMs: true,
  cacheTimeoutMs: true,
};

/** Fills in defaults. Throws `CONFIGURATION` naming the option that is wrong; never a URL, which may hold a password. */
export function resolveOptions(options: TieredOptions): ResolvedTieredOptions {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(known, name)) {
      throw wrong(`"${name}" is not an option of the tiered store (${Object.keys(known).join(", ")})`);
    }
  }
  const { postgres, redis, maxStaleMs = 2_000, cacheTimeoutMs = 250 } = options;
  const { prefix, ...rest } = typeof redis === "string" ? { url: redis, prefix: undefined } : redis;
  return {
    postgres: typeof postgres === "string" ? { url: postgres } : postgres,
    // A prefix of its own: a Redis store and a cache may lie on one server.
    redis: resolveRedis({ ...rest, prefix: prefix ?? "holdfast-cache:" }),
    maxStaleMs: whole("maxStaleMs", maxStaleMs, 0),
    cacheTimeoutMs: whole("cacheTimeoutMs", cacheTimeoutMs, 1),
  };
}

/**
 * What follows `tiered:`, which is the URL of Redis, a comma, and that of PostgreSQL.
 *
 * @example
 * const store = await tieredStore(tieredOptionsOf("redis://cache,postgres://localhost/shop"));
 */
export function tieredOptionsOf(rest: string): TieredOptions {
  // Both may hold commas, but the second begins like nothing inside the first.
  const comma = rest.search(/,postgres(?:ql)?:\/\//);
  if (comma === -1 || !/^rediss?(?:\+\w+)?:\/\//.test(rest)) {
    throw wrong("a tiered store is given as tiered:redis://HOST,postgres://USER:PASSWORD@HOST/DATABASE");
  }
  return { redis: rest.slice(0, comma), postgres: rest.slice(comma + 1) };
}

function whole(name: string, value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= 3_600_000) return value;
  throw wrong(`${name} is a whole number from ${min} to 3600000, not ${String(value)}`);
}

function wrong(message: string): HoldfastError {
  return new HoldfastError("CONFIGURATION", message);
}

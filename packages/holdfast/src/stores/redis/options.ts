import { HoldfastError } from "../../record/errors.ts";
import { acceptedIn, requireRisks } from "../../store/accept.ts";
import { type RedisTarget, targetOf } from "./target.ts";

/** Dangers of a server's configuration that an operator may accept by name. */
export type RedisRisk = "appendonly=no" | "appendfsync=no" | "maxmemory-policy" | "old-server";

/**
 * Which server, and what is waited for how long; only `url` is needed. Times in `…Ms` are milliseconds. An unknown name and a
 * value that cannot be throw `CONFIGURATION`, a server whose settings lose data `STORE_UNSAFE` unless they are in `accept`; a
 * full queue (`maxQueue`) refuses commits with `UNAVAILABLE`.
 */
export type RedisOptions = {
  /**
   * Where the data lies: `redis://user:password@host:6379/0` for one server, `redis+sentinel://host:26379,host:26379/NAME`
   * for the primary that sentinels call NAME, `redis+cluster://host:6379,host:6379` for a cluster; `rediss…` with TLS.
   * `?prefix=…&accept=…,…` stands for the options of these names.
   */
  readonly url: string;
  /** What every key begins with, so that several stores may share a server. Default `holdfast:`. */
  readonly prefix?: string | undefined;
  /** The sentinels' own user and password, where they have one. */
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** Further options of Node's `tls.connect` for `rediss` addresses, such as `ca`. */
  readonly tls?: Readonly<Record<string, unknown>> | undefined;
  /** Settings of the server that would break a promise and are put up with. Default: none. */
  readonly accept?: readonly RedisRisk[] | undefined;
  /** How long opening a connection, or waiting for one to come back, may take before `UNAVAILABLE`. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long one call may wait for its answer. Default 10,000. */
  readonly commandTimeoutMs?: number | undefined;
  /** How often a connection without traffic is asked whether it is still there. Default 5,000. */
  readonly pingMs?: number | undefined;
  /** Most commits in one batch. Default 256. */
  readonly maxBatch?: number | undefined;
  /** Most commits waiting for the next batch. Default 10,000. */
  readonly maxQueue?: number | undefined;
  /** Wait this long for company before a lone commit is sent. Default 0. */
  readonly lingerMs?: number | undefined;
  /** How often listeners are woken while hints of other nodes cannot arrive. Default 500. */
  readonly pollMs?: number | undefined;
};

export type ResolvedRedisOptions = {
  readonly target: RedisTarget;
  readonly prefix: string;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly tls: Readonly<Record<string, unknown>>;
  readonly accept: readonly RedisRisk[];
} & { readonly [name in keyof typeof numeric]: number };

const numeric = {
  connectTimeoutMs: { fallback: 5_000, min: 1 },
  commandTimeoutMs: { fallback: 10_000, min: 1 },
  pingMs: { fallback: 5_000, min: 10 },
  maxBatch: { fallback: 256, min: 1 },
  maxQueue: { fallback: 10_000, min: 1 },
  lingerMs: { fallback: 0, min: 0 },
  pollMs: { fallback: 500, min: 10 },
} as const;

const risks: readonly RedisRisk[] = ["appendonly=no", "appendfsync=no", "maxmemory-policy", "old-server"];
const known: ReadonlySet<string> = new Set([
  "url",
  "prefix",
  "sentinelUsername",
  "sentinelPassword",
  "tls",
  "accept",
  ...Object.keys(numeric),
]);
/** No braces: a hash tag of our own comes after it. */
const prefixPattern = /^[A-Za-z0-9:_.-]{0,64}$/;

/** Fills in defaults. Throws `CONFIGURATION` naming the option that is wrong; never the URL, which may hold a password. */
export function resolveOptions(options: RedisOptions): ResolvedRedisOptions {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw wrong(`"${name}" is not an option of the Redis store (${[...known].join(", ")})`);
  }
  const { url, sentinelUsername, sentinelPassword, tls = {} } = options;
  const target = targetOf(url);
  for (const name of target.query.keys()) {
    if (name !== "prefix" && name !== "accept")
      throw wrong("behind the ? of url stand prefix and accept, nothing else");
  }
  const prefix = options.prefix ?? target.query.get("prefix") ?? "holdfast:";
  const given = options.accept;
  const accept = given === undefined ? acceptedIn(target.query.get("accept"), risks) : requireRisks(given, risks);
  if (!prefixPattern.test(prefix)) throw wrong("prefix has at most 64 characters of A-Z a-z 0-9 : _ . -");
  return {
    target,
    prefix,
    sentinelUsername,
    sentinelPassword,
    tls,
    accept,
    connectTimeoutMs: whole(options, "connectTimeoutMs"),
    commandTimeoutMs: whole(options, "commandTimeoutMs"),
    pingMs: whole(options, "pingMs"),
    maxBatch: whole(options, "maxBatch"),
    maxQueue: whole(options, "maxQueue"),
    lingerMs: whole(options, "lingerMs"),
    pollMs: whole(options, "pollMs"),
  };
}

function whole(options: RedisOptions, name: keyof typeof numeric): number {
  const { fallback, min } = numeric[name];
  const value = options[name] ?? fallback;
  if (!Number.isSafeInteger(value) || value < min || value > 2_147_483_647) {
    throw wrong(`${name} is a whole number from ${min}, not ${value}`);
  }
  return value;
}

function wrong(message: string): HoldfastError {
  return new HoldfastError("CONFIGURATION", message);
}

import { HoldfastError } from "../../record/errors.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";

/**
 * Which file, and how it is written; only `path` is needed. Times in `…Ms` are milliseconds. An unknown name (with the nearest
 * one) and a value that cannot be throw `CONFIGURATION`; a full queue (`maxQueue`) refuses commits with `UNAVAILABLE`.
 */
export type SqliteOptions = {
  /** The database file. Missing folders are created for this user only. `:memory:` is refused: use the memory store. */
  readonly path: string;
  /**
   * `full` (default): an acknowledged commit survives loss of power. `normal`: it survives a crash of the process, but
   * loss of power may roll the newest commits back; the file never becomes corrupt. Several times faster one by one.
   */
  readonly synchronous?: "full" | "normal" | undefined;
  /** Milliseconds since the epoch. Default `Date.now`. Decides expiry. */
  readonly clock?: (() => number) | undefined;
  /** How long a call waits for a lock of another process before it fails with `UNAVAILABLE`. Default 5,000. */
  readonly busyTimeoutMs?: number | undefined;
  /** Most commits in one transaction. Default 256. */
  readonly maxBatch?: number | undefined;
  /** Most commits waiting for the next transaction. Default 10,000. */
  readonly maxQueue?: number | undefined;
  /** Wait this long for company before a lone commit is written. Default 0. */
  readonly lingerMs?: number | undefined;
  /** Bound of the cache of decoded records, in bytes, estimated. Default 8 MiB. */
  readonly cacheBytes?: number | undefined;
  /** How often a process with subscribers looks for changes of others, where no file event told. Default 500. */
  readonly pollMs?: number | undefined;
};

export type ResolvedSqliteOptions = {
  readonly path: string;
  readonly synchronous: "full" | "normal";
  readonly clock: () => number;
  readonly busyTimeoutMs: number;
  readonly maxBatch: number;
  readonly maxQueue: number;
  readonly lingerMs: number;
  readonly cacheBytes: number;
  readonly pollMs: number;
};

const numeric = {
  busyTimeoutMs: { fallback: 5_000, min: 0 },
  maxBatch: { fallback: 256, min: 1 },
  maxQueue: { fallback: 10_000, min: 1 },
  lingerMs: { fallback: 0, min: 0 },
  cacheBytes: { fallback: 8 * 1024 * 1024, min: 64 * 1024 },
  pollMs: { fallback: 500, min: 10 },
} as const;

const known: readonly string[] = ["path", "synchronous", "clock", ...Object.keys(numeric)];

/** Fills in defaults. Throws `CONFIGURATION` naming the option that is wrong. */
export function resolveOptions(options: SqliteOptions): ResolvedSqliteOptions {
  refuseUnknownNames("the SQLite store", options, known, "CONFIGURATION");
  const { path, synchronous = "full", clock = Date.now } = options;
  if (typeof path !== "string" || path === "" || path.includes("\0")) throw wrong("path names the database file");
  if (path.startsWith(":memory:") || path.startsWith("file:")) {
    throw wrong(`path is a file's path, not "${path}"; for state that need not survive use the memory store`);
  }
  if (synchronous !== "full" && synchronous !== "normal") {
    throw wrong(`synchronous is "full" or "normal", not "${String(synchronous)}"`);
  }
  return {
    path,
    synchronous,
    clock,
    busyTimeoutMs: whole(options, "busyTimeoutMs"),
    maxBatch: whole(options, "maxBatch"),
    maxQueue: whole(options, "maxQueue"),
    lingerMs: whole(options, "lingerMs"),
    cacheBytes: whole(options, "cacheBytes"),
    pollMs: whole(options, "pollMs"),
  };
}

function whole(options: SqliteOptions, name: keyof typeof numeric): number {
  const { fallback, min } = numeric[name];
  const value = options[name] ?? fallback;
  if (!Number.isSafeInteger(value) || value < min) throw wrong(`${name} is a whole number from ${min}, not ${value}`);
  return value;
}

function wrong(message: string): HoldfastError {
  return new HoldfastError("CONFIGURATION", message);
}

import { HoldfastError } from "../../record/errors.ts";
import { acceptedIn, requireRisks } from "../../store/accept.ts";

/** Dangers of a server's configuration that an operator may accept by name. */
export type PostgresRisk = "fsync=off" | "full_page_writes=off" | "old-server";

/**
 * Which server, and what is waited for how long; only `url` is needed. Times in `…Ms` are milliseconds. An unknown name and a
 * value that cannot be throw `CONFIGURATION`, a server whose settings lose data `STORE_UNSAFE` unless they are in `accept`; a
 * full queue (`maxQueue`) refuses commits with `UNAVAILABLE`.
 */
export type PostgresOptions = {
  /**
   * `postgres://user:password@host:port/database`. May lead through a transaction pooler. Behind a `?` stands what the
   * driver knows, and `accept=…,…` for the option of that name.
   */
  readonly url: string;
  /**
   * Leads to the server itself, for the one connection that LISTENs and for migrations. Default: `url`. Without a
   * direct way, hints of other nodes arrive with the next poll.
   */
  readonly directUrl?: string | undefined;
  /**
   * Streaming replicas that may answer reads which ask for it (`replica: true`), in turn. What this store wrote is never
   * missing from an answer; where it would be, and where a replica does not answer, the primary does.
   */
  readonly replicaUrls?: readonly string[] | undefined;
  /** Settings of the server that would break a promise and are put up with. Default: none. */
  readonly accept?: readonly PostgresRisk[] | undefined;
  /** Most connections of this store, the listening one aside. Default 10. */
  readonly maxConnections?: number | undefined;
  /** How long opening a connection, or waiting for a free one, may take before `UNAVAILABLE`. Default 5,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long one statement may run. Default 10,000. */
  readonly statementTimeoutMs?: number | undefined;
  /** How long a commit waits for a row that others hold before `UNAVAILABLE`. Default 3,000. */
  readonly lockTimeoutMs?: number | undefined;
  /** Most commits in one batch. Default 256. */
  readonly maxBatch?: number | undefined;
  /** Most commits waiting for the next batch. Default 10,000. */
  readonly maxQueue?: number | undefined;
  /** Wait this long for company before a lone commit is sent. Default 0. */
  readonly lingerMs?: number | undefined;
  /** How often listeners are woken while hints of other nodes cannot arrive. Default 500. */
  readonly pollMs?: number | undefined;
};

export type ResolvedPostgresOptions = {
  readonly url: string;
  readonly directUrl: string;
  readonly replicaUrls: readonly string[];
  readonly accept: readonly PostgresRisk[];
} & { readonly [name in keyof typeof numeric]: number };

const numeric = {
  maxConnections: { fallback: 10, min: 2 },
  connectTimeoutMs: { fallback: 5_000, min: 1 },
  statementTimeoutMs: { fallback: 10_000, min: 1 },
  lockTimeoutMs: { fallback: 3_000, min: 1 },
  maxBatch: { fallback: 256, min: 1 },
  maxQueue: { fallback: 10_000, min: 1 },
  lingerMs: { fallback: 0, min: 0 },
  pollMs: { fallback: 500, min: 10 },
} as const;

const risks: readonly PostgresRisk[] = ["fsync=off", "full_page_writes=off", "old-server"];
const known: ReadonlySet<string> = new Set(["url", "directUrl", "replicaUrls", "accept", ...Object.keys(numeric)]);

/** Fills in defaults. Throws `CONFIGURATION` naming the option that is wrong; never the URL, which may hold a password. */
export function resolveOptions(options: PostgresOptions): ResolvedPostgresOptions {
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw wrong(`"${name}" is not an option of the PostgreSQL store (${[...known].join(", ")})`);
  }
  requireUrl("url", options.url);
  const { url, accepted } = withoutAccept(options.url);
  const { directUrl = url, replicaUrls = [], accept } = options;
  requireUrl("directUrl", directUrl);
  for (const [index, replicaUrl] of replicaUrls.entries()) requireUrl(`replicaUrls[${index}]`, replicaUrl);
  return {
    url,
    directUrl,
    replicaUrls,
    accept: accept === undefined ? accepted : requireRisks(accept, risks),
    maxConnections: whole(options, "maxConnections"),
    connectTimeoutMs: whole(options, "connectTimeoutMs"),
    statementTimeoutMs: whole(options, "statementTimeoutMs"),
    lockTimeoutMs: whole(options, "lockTimeoutMs"),
    maxBatch: whole(options, "maxBatch"),
    maxQueue: whole(options, "maxQueue"),
    lingerMs: whole(options, "lingerMs"),
    pollMs: whole(options, "pollMs"),
  };
}

function requireUrl(name: string, url: string): void {
  if (typeof url === "string" && /^postgres(ql)?:\/\/./.test(url) && URL.canParse(url)) return;
  throw wrong(`${name} is a URL such as postgres://user:password@host:5432/database`);
}

/** The URL as the driver takes it, and what it says for us. */
function withoutAccept(text: string): { readonly url: string; readonly accepted: readonly PostgresRisk[] } {
  const url = new URL(text);
  const accepted = acceptedIn(url.searchParams.getAll("accept").join(","), risks);
  // Left as it was written, unless there is something to take out.
  if (!url.searchParams.has("accept")) return { url: text, accepted };
  url.searchParams.delete("accept");
  return { url: url.href, accepted };
}

function whole(options: PostgresOptions, name: keyof typeof numeric): number {
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

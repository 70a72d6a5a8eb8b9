/** Store URLs. The only file that knows every store; each is loaded when it is asked for, and not before. */
import { HoldfastError } from "./record/errors.ts";
import { nearestName } from "./record/option-names.ts";
import type { Store } from "./store/contract.ts";

const postgres = async (rest: string): Promise<Store> =>
  (await import("./stores/postgres/index.ts")).postgresStore({ url: `postgres:${rest}` });

const redis =
  (variant: string) =>
  async (rest: string): Promise<Store> =>
    (await import("./stores/redis/index.ts")).redisStore({ url: `redis${variant}:${rest}` });

const tiered = async (rest: string): Promise<Store> => {
  const { tieredOptionsOf, tieredStore } = await import("./stores/tiered/index.ts");
  return await tieredStore(tieredOptionsOf(rest));
};

/** One line per store: what follows the scheme, to a store. */
const stores: Readonly<Record<string, (rest: string) => Promise<Store>>> = {
  memory: async (rest) => {
    refuseRest("memory:", rest);
    return await (await import("./stores/memory/index.ts")).memoryStore();
  },
  sqlite: async (rest) => (await import("./stores/sqlite/index.ts")).sqliteStore({ path: pathAfter("sqlite:", rest) }),
  postgres,
  postgresql: postgres,
  redis: redis(""),
  rediss: redis("s"),
  "redis+sentinel": redis("+sentinel"),
  "rediss+sentinel": redis("s+sentinel"),
  "redis+cluster": redis("+cluster"),
  "rediss+cluster": redis("s+cluster"),
  tiered,
};

/**
 * Opens the store of a URL: `memory:`, `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/DATABASE`,
 * `redis://USER:PASSWORD@HOST` (`redis+sentinel://HOST,HOST/NAME`, `redis+cluster://HOST,HOST`; `rediss…` with TLS), or
 * `tiered:REDIS,POSTGRES` with the URLs of both.
 * Whoever opens a store closes it.
 *
 * Throws `CONFIGURATION` for a URL that names no store or leaves something out, and whatever the store refuses.
 *
 * @example
 * const store = await openStore("sqlite:./state.db");
 */
export async function openStore(url: string): Promise<Store> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1];
  const known = Object.keys(stores);
  const open = scheme !== undefined && Object.hasOwn(stores, scheme) ? stores[scheme] : undefined;
  if (scheme === undefined || open === undefined) throw unknownStore(scheme, known);
  return await open(url.slice(scheme.length + 1));
}

function unknownStore(scheme: string | undefined, known: readonly string[]): HoldfastError {
  const list = known.map((name) => `${name}:`).join(", ");
  // The rest of a URL may hold a password, so messages name the scheme at most.
  if (scheme === undefined) {
    return new HoldfastError(
      "CONFIGURATION",
      `a store is given as a URL that starts with one of ${list}; for a file: sqlite:PATH`,
    );
  }
  const near = nearestName(scheme, known);
  const hint = near === undefined ? "." : `; did you mean "${near}:"?`;
  return new HoldfastError("CONFIGURATION", `there is no store for "${scheme}:"${hint} Known: ${list}`, {
    details: { scheme, known },
  });
}

function refuseRest(scheme: string, rest: string): void {
  if (rest === "") return;
  throw new HoldfastError(
    "CONFIGURATION",
    `"${scheme}" takes nothing after the colon: what is kept in memory has no place`,
  );
}

function pathAfter(scheme: string, rest: string): string {
  if (rest !== "") return rest;
  throw new HoldfastError("CONFIGURATION", `"${scheme}" needs the path of a file, such as ${scheme}./state.db`);
}

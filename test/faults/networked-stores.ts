/** Stores behind a network, with deadlines short enough to be waited for. Whoever adds a store adds a row. */
import type { Store } from "holdfast/contract";
import { postgresStore } from "holdfast/stores/postgres";
import { redisStore } from "holdfast/stores/redis";

import { startPostgres } from "../lib/servers/postgres.ts";
import { startRedis } from "../lib/servers/redis.ts";

export type NetworkedStore = {
  readonly name: string;
  readonly start: () => Promise<{ readonly url: string; stop(): Promise<void> }>;
  readonly open: (url: string) => Promise<Store>;
  /** With its own deadlines: for whoever looks, undisturbed, at what became of a call. */
  readonly openDirect: (url: string) => Promise<Store>;
  /** Most connections it has at a time, whatever happens. */
  readonly mostConnections: number;
};

const accept = ["appendfsync=no"] as const;

export const networkedStores: readonly NetworkedStore[] = [
  {
    name: "postgres",
    start: () => startPostgres(),
    open: (url) =>
      postgresStore({ url, maxConnections: 2, connectTimeoutMs: 3_000, statementTimeoutMs: 1_000, lockTimeoutMs: 500 }),
    openDirect: (url) => postgresStore({ url, maxConnections: 4 }),
    // The pool, and the one that listens.
    mostConnections: 3,
  },
  {
    name: "redis",
    // What a crash of it costs is tried elsewhere; here a disk that others keep busy must not hold it up.
    start: () => startRedis(["--appendfsync", "no"]),
    open: (url) => redisStore({ url, accept, connectTimeoutMs: 3_000, commandTimeoutMs: 3_000 }),
    openDirect: (url) => redisStore({ url, accept }),
    // The one that asks, and the one that listens.
    mostConnections: 2,
  },
];

/** Stores behind a network, with deadlines short enough to be waited for. Whoever adds a store adds a row. */
import type { Store } from "holdfast/contract";
import { postgresStore } from "holdfast/stores/postgres";

import { startPostgres } from "../lib/servers/postgres.ts";

export type NetworkedStore = {
  readonly name: string;
  readonly start: () => Promise<{ readonly url: string; stop(): Promise<void> }>;
  readonly open: (url: string) => Promise<Store>;
  /** Most connections it has at a time, whatever happens. */
  readonly mostConnections: number;
};

export const networkedStores: readonly NetworkedStore[] = [
  {
    name: "postgres",
    start: () => startPostgres(),
    open: (url) =>
      postgresStore({ url, maxConnections: 2, connectTimeoutMs: 1_000, statementTimeoutMs: 1_000, lockTimeoutMs: 500 }),
    // The pool, and the one that listens.
    mostConnections: 3,
  },
];

/** Stores that outlive their processes, each on a server or a file of its own. Whoever adds a store adds a row to each list. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "holdfast/contract";

import { startPostgres } from "./servers/postgres.ts";
import { startRedis } from "./servers/redis.ts";

export interface DurableStore extends AsyncDisposable {
  readonly url: string;
  /** Kills its server with all its processes by -9, and starts it anew on the same data. Absent where it has none. */
  readonly crash?: () => Promise<void>;
}

const starters: Readonly<Record<string, () => Promise<DurableStore>>> = { sqlite, postgres, redis, tiered };

/** As `openStore`, but loads that store alone: processes of which many are started have to start quickly. */
const openers: Readonly<Record<string, (url: string) => Promise<Store>>> = {
  sqlite: async (url) => (await import("holdfast/stores/sqlite")).sqliteStore({ path: url.slice("sqlite:".length) }),
  postgres: async (url) => (await import("holdfast/stores/postgres")).postgresStore({ url }),
  redis: async (url) => (await import("holdfast/stores/redis")).redisStore({ url }),
  tiered: async (url) => {
    const { tieredOptionsOf, tieredStore } = await import("holdfast/stores/tiered");
    return await tieredStore(tieredOptionsOf(url.slice("tiered:".length)));
  },
};

export const durableStores: readonly string[] = Object.keys(starters);

/** Starts what the store needs. */
export function openDurable(name: string): Promise<DurableStore> {
  return rowOf(starters, name)();
}

export function openAlone(url: string): Promise<Store> {
  return rowOf(openers, url.split(":")[0] ?? "")(url);
}

function rowOf<T>(rows: Readonly<Record<string, T>>, name: string): T {
  const row = rows[name];
  if (row === undefined) throw new Error(`there is no store "${name}", only ${Object.keys(rows).join(", ")}`);
  return row;
}

async function sqlite(): Promise<DurableStore> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-durable-"));
  return {
    url: `sqlite:${join(folder, "state.db")}`,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function postgres(): Promise<DurableStore> {
  const server = await startPostgres();
  return { url: server.url, crash: server.crash, [Symbol.asyncDispose]: server.stop };
}

async function redis(): Promise<DurableStore> {
  const server = await startRedis();
  return { url: server.url, crash: server.crash, [Symbol.asyncDispose]: server.stop };
}

/** Both servers crash at once: what either does alone is less. */
async function tiered(): Promise<DurableStore> {
  const [truth, cache] = await Promise.all([postgres(), redis()]);
  return {
    url: `tiered:${cache.url},${truth.url}`,
    crash: async () => {
      await Promise.all([truth.crash?.(), cache.crash?.()]);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([truth[Symbol.asyncDispose](), cache[Symbol.asyncDispose]()]);
    },
  };
}

/** Stores that outlive their processes, each on a server or a file of its own. Whoever adds a store adds a line. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startPostgres } from "./servers/postgres.ts";

export interface DurableStore extends AsyncDisposable {
  readonly url: string;
  /** Kills its server with all its processes by -9, and starts it anew on the same data. Absent where it has none. */
  readonly crash?: () => Promise<void>;
}

const starters: Readonly<Record<string, () => Promise<DurableStore>>> = { sqlite, postgres };

export const durableStores: readonly string[] = Object.keys(starters);

export async function openDurable(name: string): Promise<DurableStore> {
  const start = starters[name];
  if (start === undefined) throw new Error(`there is no store "${name}", only ${durableStores.join(", ")}`);
  return await start();
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

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";

import { describeConformance, type StoreUnderTest } from "../../testing/index.ts";
import { sqliteStore } from "./index.ts";

async function openTemporary(): Promise<StoreUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-sqlite-"));
  let ahead = 0;
  const open = (): ReturnType<typeof sqliteStore> =>
    sqliteStore({ path: join(folder, "state.db"), clock: () => Date.now() + ahead });
  return {
    store: await open(),
    reopen: open,
    peer: open,
    advanceClock: (ms) => {
      ahead += ms;
    },
    dispose: () => rm(folder, { recursive: true }),
  };
}

describeConformance({ describe, it }, "the SQLite store", openTemporary, {
  capabilities: ["reopen", "peer", "advanceClock"],
});

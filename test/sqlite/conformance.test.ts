/** The requirements about several openings of one store, with the others in processes of their own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStore } from "holdfast/stores/sqlite";
import { describeConformance, requirements, type StoreUnderTest } from "holdfast/testing";
import { describe, it } from "vitest";

import { RemoteStore } from "./remote-store.ts";

async function openWithPeers(): Promise<StoreUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-peers-"));
  const path = join(folder, "state.db");
  const peers: RemoteStore[] = [];
  let ahead = 0;
  return {
    store: await sqliteStore({ path, clock: () => Date.now() + ahead }),
    reopen: () => sqliteStore({ path, clock: () => Date.now() + ahead }),
    peer: async () => {
      const peer = await RemoteStore.open(path, ahead);
      peers.push(peer);
      return peer;
    },
    advanceClock: async (ms) => {
      ahead += ms;
      await Promise.all(peers.map((peer) => peer.advance(ms)));
    },
    dispose: () => rm(folder, { recursive: true }),
  };
}

describeConformance({ describe, it }, "the SQLite store, with peers in other processes", openWithPeers, {
  capabilities: ["reopen", "peer", "advanceClock"],
  only: requirements.filter(({ needs }) => needs?.includes("peer")).map(({ id }) => id),
});

/** The whole suite against a store that lives in another process: whatever crosses the border has to survive it. */
async function openRemote(): Promise<StoreUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-remote-"));
  const path = join(folder, "state.db");
  const store = await RemoteStore.open(path);
  return { store, peer: () => sqliteStore({ path }), dispose: () => rm(folder, { recursive: true }) };
}

describeConformance({ describe, it }, "a SQLite store in another process, with a peer in this one", openRemote, {
  capabilities: ["peer"],
  only: requirements.filter(({ needs }) => needs?.includes("peer") && needs.length === 1).map(({ id }) => id),
});

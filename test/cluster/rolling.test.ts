import { describe, expect, test } from "vitest";

import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { startFleet } from "./fleet.ts";
import { rollingRestart } from "./rolling.ts";

const timeout = 120_000;

describe.each(durableStores)("three nodes on %s", { timeout }, (storeName) => {
  test("no client sees an error of a rolling restart, and none misses anything", async () => {
    await using store = await openDurable(storeName);
    await using cluster = await startFleet(store.url);
    await rollingRestart(cluster, cluster.url);
    expect(Math.min(...cluster.balancer.served)).toBeGreaterThan(0);
  });
});

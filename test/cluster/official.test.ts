/** The official suite on three nodes, each request on another one: the same counts as on one node. */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";

import { startCluster } from "../lib/cluster.ts";
import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { startFixtureProcess } from "../official/fixture-process.ts";
import { verdictAbout } from "../official/verdict.ts";

const timeout = 240_000;

const networked = durableStores.filter((name) => name !== "sqlite");

describeStoresAtOnce(networked, "three nodes on %s", { timeout }, (storeName) => {
  test.each(["2025-11-25", "2026-07-28"] as const)("pass the official suite of %s", async (revision) => {
    await using store = await openDurable(storeName);
    const key = randomBytes(32).toString("hex");
    await using cluster = await startCluster((port) => startFixtureProcess({ store: store.url, port, key }));
    const stderr = (): string => cluster.nodes.map((node) => node.stderr()).join("\n");
    const { table, faults, log } = await verdictAbout(
      { url: cluster.url, stderr },
      revision,
      AbortSignal.timeout(timeout - 10_000),
    );
    console.log(table);
    if (faults.length > 0) console.log(log);
    expect(faults).toEqual([]);
    expect(Math.min(...cluster.balancer.served)).toBeGreaterThan(20);
  });
});

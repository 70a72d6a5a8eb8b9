/** Streams that are kept open while nothing is said, and ended when they are old: their clients do not notice. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import type { Cluster } from "../lib/cluster.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { openRawSession } from "../lib/raw-session.ts";
import { poll } from "../lib/waiting.ts";
import { clientNames, connectClient, sessionClients, turnOf } from "./client.ts";
import { startFleet } from "./fleet.ts";

const timeout = 60_000;
const limits = { keepAliveMs: 200, maxStreamAgeMs: 1_000 };

describeStoresAtOnce(durableStores, "three nodes on %s", { timeout }, (storeName) => {
  let store: DurableStore;
  let cluster: Cluster;

  beforeAll(async () => {
    store = await openDurable(storeName);
    cluster = await startFleet(store.url, { limits });
  });

  afterEach(() => cluster.balancer.choose(undefined));

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  /** Counts what opens a stream, and leaves the balancing as it is. */
  function countStreams(): () => number {
    let opened = 0;
    let turn = 0;
    cluster.balancer.choose(({ method }, candidates) => {
      if (method === "GET") opened += 1;
      return candidates[turn++ % candidates.length] ?? 0;
    });
    return () => opened;
  }

  test("a stream on which nothing is said has heartbeats, says when to come back, and ends whole", async () => {
    const session = await openRawSession(cluster.url);
    const answer = await session.resume(cluster.url);
    // A stream that broke off would reject here.
    const text = await answer.text();
    expect(text).toMatch(/^id: \S+\nretry: \d+\ndata: ?\n\n/);
    expect(text.match(/^: keepalive$/gm)?.length).toBeGreaterThan(1);
    expect(text.replaceAll(/^: keepalive\n\n/gm, "").split("\n\n")).toHaveLength(2);
    const id = /^id: (\S+)/.exec(text)?.[1] ?? "";
    await (await session.call(cluster.url, 1, "announce", { tag: "meanwhile", steps: 3 })).text();
    const resumed = await (await session.resume(cluster.url, id)).text();
    expect([...resumed.matchAll(/"data":"(meanwhile \d)"/g)].map(([, line]) => line)).toEqual([
      "meanwhile 1",
      "meanwhile 2",
      "meanwhile 3",
    ]);
  });

  test.each(turnOf(sessionClients, storeName))(
    "%s opens its session's stream anew, and misses nothing",
    async (name) => {
      const opened = countStreams();
      await using client = await connectClient(name, cluster.url);
      const expected: string[] = [];
      for (let round = 0; opened() < 3; round++) {
        await client.call("announce", { tag: `round ${round}`, steps: 2, waitMs: 50 });
        expected.push(`round ${round} 1`, `round ${round} 2`);
      }
      await poll(() => (client.logs.length >= expected.length ? true : undefined), "every message", timeout / 2);
      expect(client.logs).toEqual(expected);
    },
  );

  test.each(turnOf(sessionClients, storeName))(
    "%s goes on with a call that takes longer than a stream may",
    async (name) => {
      const opened = countStreams();
      await using client = await connectClient(name, cluster.url);
      expect(await client.call("talk", { tag: "long", steps: 40, waitMs: 50 })).toMatchObject({ steps: 40, value: 1 });
      expect(client.logs).toEqual(Array.from({ length: 40 }, (_, index) => `long ${index + 1}`));
      expect(opened()).toBeGreaterThan(1);
    },
  );

  test.each(turnOf(clientNames, storeName))("%s hears of changes all the while", async (name) => {
    await using client = await connectClient(name, cluster.url);
    await client.subscribe("note://one");
    const since = performance.now();
    while (performance.now() - since < 2 * limits.maxStreamAgeMs || client.changes.length < 3) {
      const before = client.changes.length;
      // Said again, since a client of 2026-07-28 hears nothing between two subscriptions.
      const hears = async (): Promise<true | undefined> => {
        await client.call("change_resource", { uri: "note://one" });
        return client.changes.length > before ? true : undefined;
      };
      await poll(hears, `${name} to hear of a change`, timeout / 4, 50);
    }
    expect(new Set(client.changes)).toEqual(new Set(["note://one"]));
    expect(client.endings.filter((ending) => ending !== "graceful")).toEqual([]);
    if (name === "v2, 2026-07-28") expect(client.endings.length).toBeGreaterThan(0);
  });
});

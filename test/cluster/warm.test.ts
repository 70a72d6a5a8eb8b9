/** Instances that nodes keep for the next request: few, fewer where memory is short, and never taken from who is at work. */
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Cluster, ClusterNode } from "../lib/cluster.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { everything } from "../lib/extent.ts";
import { logsIn, openRawSession, type RawSession, readEvents, readUntil } from "../lib/raw-session.ts";
import { poll } from "../lib/waiting.ts";
import { inside, startFleet } from "./fleet.ts";

const timeout = 90_000;
const maxWarmInstances = 3;
const talk = { tag: "talk", steps: 40, waitMs: 50 };

async function countAt(url: string, session: RawSession): Promise<number> {
  const answer = await session.call(url, 1, "count");
  return Number(/"value":(\d+)/.exec(await answer.text())?.[1]);
}

async function until(node: ClusterNode, what: string, isSo: (warm: number) => boolean): Promise<void> {
  await poll(async () => (isSo((await inside(node)).warm) ? true : undefined), what, timeout / 2, 50);
}

describeStoresAtOnce(durableStores, "three nodes on %s", { timeout }, (storeName) => {
  let store: DurableStore;

  beforeAll(async () => {
    store = await openDurable(storeName);
  });

  afterAll(() => store?.[Symbol.asyncDispose]());

  const openSessions = (cluster: Cluster, count: number): Promise<readonly RawSession[]> =>
    Promise.all(
      Array.from({ length: count }, (_, n) => openRawSession(cluster.url, { authorization: `Bearer warm-${n}` })),
    );

  test("keep no more than they may but for those at work, and all sessions go on everywhere", async () => {
    await using cluster = await startFleet(store.url, { limits: { maxWarmInstances } });
    const sessions = await openSessions(cluster, 8);
    for (let round = 0; round < cluster.nodes.length; round++) {
      const { url } = cluster.node(round);
      expect(await Promise.all(sessions.map((session) => countAt(url, session)))).toEqual(
        sessions.map(() => round + 1),
      );
    }
    for (const node of cluster.nodes) await until(node, "few instances", (warm) => warm <= maxWarmInstances);

    // All of them at work at one node: none is closed under its call, whoever else comes.
    const busy = cluster.node(0);
    const calls = await Promise.all(sessions.map((session) => session.call(busy.url, 2, "talk", talk)));
    const others = await Promise.all(
      Array.from({ length: 4 }, (_, n) => openRawSession(busy.url, { authorization: `Bearer other-${n}` })),
    );
    for (const other of others) expect(await countAt(busy.url, other)).toBe(1);
    expect((await inside(busy)).warm).toBeGreaterThanOrEqual(sessions.length);
    for (const call of calls) {
      const events = await readEvents(call);
      expect(logsIn(events)).toEqual(Array.from({ length: talk.steps }, (_, n) => `talk ${n + 1}`));
      expect(events.at(-1)?.data).toContain('"steps":40');
    }
    await until(busy, "few instances again", (warm) => warm <= maxWarmInstances);
    const again = cluster.nodes.length + 1;
    expect(await Promise.all(sessions.map((session) => countAt(busy.url, session)))).toEqual(sessions.map(() => again));
  });

  // What a node does with its memory is the same on every store.
  if (!everything && storeName !== "redis") return;
  test("give up those that nobody uses where memory is short, however few they are", async () => {
    await using cluster = await startFleet(store.url, { nodes: 2, limits: { maxMemoryBytes: 192 * 1024 ** 2 } });
    const short = cluster.node(0);
    const sessions = await openSessions(cluster, 12);
    for (const session of sessions) await countAt(short.url, session);
    await until(short, "an instance for each", (warm) => warm === sessions.length);
    const [listening] = sessions;
    if (listening === undefined) throw new Error("there is no session");
    const stream = await listening.resume(short.url);
    const filler = await openRawSession(short.url, { authorization: "Bearer filler" });
    await poll(
      async () => {
        await (await filler.call(short.url, 1, "take_memory", { mib: 8 })).text();
        return (await inside(short)).warm <= 2 ? true : undefined;
      },
      "instances to give way",
      timeout / 2,
      300,
    );
    await (await listening.call(cluster.node(1).url, 2, "announce", { tag: "still", steps: 2 })).text();
    expect(logsIn(await readUntil(stream, (events) => logsIn(events).length === 2))).toEqual(["still 1", "still 2"]);
    for (const session of sessions) expect(await countAt(short.url, session)).toBe(2);
    expect(await (await filler.call(short.url, 2, "take_memory", { mib: 0 })).text()).toContain('"kept":0');
  });
});

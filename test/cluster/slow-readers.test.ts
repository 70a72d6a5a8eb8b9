/** Clients that stop reading: what they cost the node, what the others notice, and what they find when they come back. */
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Cluster } from "../lib/cluster.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { openRawSession, type RawSession, readEvents, type SseEvent } from "../lib/raw-session.ts";
import { readHeadOnly, type StalledReader } from "../lib/stalled-reader.ts";
import { poll } from "../lib/waiting.ts";
import { connectClient, turnOf } from "./client.ts";
import type { Inside } from "./fixture/inside.ts";
import { inside, startFleet } from "./fleet.ts";

const timeout = 120_000;
const kibi = 1024;
const mebi = 1024 * kibi;
/** Who takes nothing for four heartbeats is disconnected. */
const keepAliveMs = 500;
const readers = 6;
/** What a node holds for one reader: half a MiB that waits, and a page of the log on its way. */
const mostForOne = 1.5 * mebi;

const streams = [
  ["a call's stream", false],
  ["the session's own stream", true],
] as const;

describeStoresAtOnce(durableStores, "three nodes on %s", { timeout }, (storeName) => {
  let store: DurableStore;
  let cluster: Cluster;

  beforeAll(async () => {
    store = await openDurable(storeName);
    cluster = await startFleet(store.url, { limits: { keepAliveMs } });
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  /** Everybody who listens here does so at node 0. */
  const openSession = (name: string): Promise<RawSession> =>
    openRawSession(cluster.node(0).url, { authorization: `Bearer ${name}` });

  /** A call of so many MiB at node 0, over its own stream or the session's, whose reader has stopped reading. */
  async function flood(session: RawSession, own: boolean, steps: number, kib: number): Promise<StalledReader> {
    const { url } = cluster.node(0);
    const call = { name: "flood", arguments: { tag: "flood", steps, kib, own } };
    const request = { jsonrpc: "2.0", id: 1, method: "tools/call", params: call };
    if (!own) return readHeadOnly(url, session.headers, request);
    const reader = await readHeadOnly(url, session.headers);
    const answer = await session.call(cluster.node(1).url, 1, call.name, call.arguments);
    expect(await answer.text()).toContain('"tag":"flood"');
    return reader;
  }

  /** Waits for something to be true of node 0. */
  const until = (what: string, isSo: (node: Inside) => boolean): Promise<true> =>
    poll(async () => (isSo(await inside(cluster.node(0))) ? true : undefined), what, timeout / 2, 50);

  test.each(turnOf(streams, storeName))(
    "stalled on %s: little waits for them, the others go on, and they are told what they lost",
    async (_, own) => {
      const sessions = await Promise.all(Array.from({ length: readers }, (_, n) => openSession(`stalled-${own}-${n}`)));
      const before = (await inside(cluster.node(0))).rss;
      let most = { unsent: 0, rss: 0 };
      let over = false;
      const watching = poll(
        async () => {
          const { unsent, rss } = await inside(cluster.node(0));
          most = { unsent: Math.max(most.unsent, unsent), rss: Math.max(most.rss, rss) };
          return over ? true : undefined;
        },
        "the end of it",
        timeout,
        50,
      );
      // What the connection itself takes, some MiB on one machine, is the kernel's: this is three times as much.
      const stalled = await Promise.all(sessions.map((session) => flood(session, own, 200, 64)));
      try {
        await using client = await connectClient("v1", cluster.url);
        const counts = await Promise.all(Array.from({ length: 30 }, () => client.call("count")));
        expect(new Set(counts.map(({ node }) => node)).size).toBe(3);
        // Nobody waits for a reader: every call comes to its end.
        await until("every call's end", ({ callsInFlight }) => callsInFlight === 0);
        await until("every reader's end", ({ streams }) => streams === 0);
      } finally {
        over = true;
        await Promise.all(stalled.map((reader) => reader[Symbol.asyncDispose]()));
      }
      await watching;
      console.log(`${storeName}, own ${own}: at most ${most.unsent} bytes waited, ${most.rss - before} more resident`);
      expect(most.unsent).toBeGreaterThan(readers * 64 * kibi);
      expect(most.unsent).toBeLessThan(readers * mostForOne);
      for (const [n, session] of sessions.entries()) {
        const refused = await session.resume(cluster.node(n % 3).url, stalled[n]?.cursor);
        expect([refused.status, await refused.json()]).toEqual([
          400,
          expect.objectContaining({ error: expect.objectContaining({ data: { reason: "replay_window_exceeded" } }) }),
        ]);
      }
    },
  );

  test.each(turnOf([...streams].reverse(), storeName))(
    "stalled on %s within what the log keeps: disconnected, and on another node nothing is missing",
    async (_, own) => {
      const session = await openSession(`back-${own}`);
      // The newest four messages are kept however large they are, and together these are more than a connection takes.
      await using stalled = await flood(session, own, 3, 3 * kibi);
      await until("the reader's end", ({ streams }) => streams === 0);
      const answer = await session.resume(cluster.node(2).url, stalled.cursor);
      const seen: string[] = [];
      await readEvents(answer, (event) => {
        seen.push(shortOf(event));
        // The session's own stream goes on.
        if (own && seen.length === 3) throw new Error("enough");
      });
      expect(seen).toEqual(["flood 1", "flood 2", "flood 3", ...(own ? [] : ["result"])]);
    },
  );
});

function shortOf({ data }: SseEvent): string {
  const { params, result } = JSON.parse(data) as { params?: { data: string }; result?: unknown };
  return result === undefined ? (params?.data.split(" x")[0] ?? data) : "result";
}

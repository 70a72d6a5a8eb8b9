/** Sessions that were ended at one node, by their client or by somebody else of the same principal: what the others do. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

import { type Cluster, type ClusterNode, startCluster } from "../lib/cluster.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { openRawSession, type RawSession, readEvents } from "../lib/raw-session.ts";
import { removeFolder, startServer, temporaryFolder } from "../lib/server-process.ts";
import { within } from "../lib/waiting.ts";
import { connect } from "../server/connect.ts";

const timeout = 60_000;
/** By when every node refuses a session, however it was ended. */
const everywhereMs = 1_000;

describeStoresAtOnce(durableStores, "three nodes of the ready server on %s", { timeout }, (storeName) => {
  let store: DurableStore;
  let cluster: Cluster;
  let dir: string;

  beforeAll(async () => {
    store = await openDurable(storeName);
    dir = await temporaryFolder();
    cluster = await startCluster((port) => startServer({ store: store.url, dir, port }));
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
    await removeFolder(dir);
  });

  const ping = { jsonrpc: "2.0", id: 9, method: "ping" };
  const notFound = { jsonrpc: "2.0", error: { code: -32001, message: "Session not found" }, id: null };

  /** A session that every node has warm, with a stream open at the second. */
  async function openEverywhere(): Promise<{ session: RawSession; id: string; stream: Promise<unknown> }> {
    const session = await openRawSession(cluster.url);
    for (const { url } of cluster.nodes) {
      const answer = await session.call(url, 1, "increment_counter", { name: "n" });
      expect(answer.status).toBe(200);
      await answer.body?.cancel();
    }
    const stream = readEvents(await session.resume(cluster.node(1).url));
    return { session, id: session.headers["mcp-session-id"]?.split(".")[0] ?? "", stream };
  }

  async function expectRefused(session: RawSession, { url }: ClusterNode): Promise<void> {
    const get = await session.resume(url);
    const remove = await fetch(url, { method: "DELETE", headers: session.headers });
    for (const answer of [await session.send(url, ping), get, remove]) {
      expect([answer.status, await answer.json()]).toEqual([404, notFound]);
    }
  }

  test("ended by DELETE: refused by every node once that is answered, and its stream ends", async () => {
    const { session, stream } = await openEverywhere();
    const answer = await fetch(cluster.url, { method: "DELETE", headers: session.headers });
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
    for (const node of cluster.nodes) await expectRefused(session, node);
    await within(stream, timeout / 2, () => "the stream of an ended session goes on");
  });

  test.each(["its own", "another"])(
    "ended by the tool, from %s connection: refused by every node within a second",
    async (whose) => {
      const { session, id, stream } = await openEverywhere();
      await using other = await connect(cluster.url, "2026");
      const own = whose === "its own";
      // Busy up to the last moment, so that every node has read it of late.
      for (const { url } of cluster.nodes) await (await session.send(url, ping)).text();
      const ended = own
        ? await (await session.call(cluster.node(0).url, 2, "end_session")).text()
        : JSON.stringify(await other.call("end_session", { session_id: id }));
      expect(ended).toContain('"ended":true');
      // Later than this no node may serve it; how much later it is asked says nothing.
      await delay(everywhereMs);
      for (const node of cluster.nodes) await expectRefused(session, node);
      await within(stream, timeout / 2, () => "the stream of an ended session goes on");
      expect(await other.call("get_context", { session_id: id })).toMatchObject({
        ok: false,
        fault: { code: "not_found" },
      });
    },
  );
});

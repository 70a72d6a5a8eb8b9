/** What the ready server's own tools and resources do where each request goes to another node, and nodes are killed. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { type Cluster, startCluster } from "../lib/cluster.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { removeFolder, startServer, temporaryFolder } from "../lib/server-process.ts";
import { poll } from "../lib/waiting.ts";
import { type AnyClient, clientNames, connectClient, sessionClients, turnOf } from "./client.ts";

const timeout = 90_000;

describeStoresAtOnce(durableStores, "three nodes of the ready server on %s", { timeout }, (storeName) => {
  let store: DurableStore;
  let cluster: Cluster;
  let dir: string;

  beforeAll(async () => {
    store = await openDurable(storeName);
    dir = await temporaryFolder();
    cluster = await startCluster((port) => startServer({ store: store.url, dir, port }));
  });

  afterEach(async () => {
    cluster.balancer.choose(undefined);
    for (const node of cluster.nodes) await node.restore();
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
    await removeFolder(dir);
  });

  /** The turns that any node shows, once there are so many. */
  function turnsOf(client: AnyClient, count: number): Promise<readonly Turn[]> {
    const look = async (): Promise<readonly Turn[] | undefined> => {
      const turns = (await client.call("get_context", { max_turns: 50 }))["recent_turns"] as readonly Turn[];
      const others = turns.filter(({ tool }) => tool !== "get_context");
      return others.length >= count ? others : undefined;
    };
    return poll(look, `${count} turns`, timeout / 3, 50);
  }

  describe.each(turnOf(sessionClients, storeName))("%s", (name) => {
    test("calls at every node are turns of one session, oldest first, and the kill of a node takes none back", async () => {
      await using client = await connectClient(name, cluster.url);
      for (let n = 1; n <= 9; n++) await client.call("increment_counter", { name: "n", by: n });
      const turns = await turnsOf(client, 9);
      expect(new Set(turns.map(({ input }) => input["by"]))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 9]));
      for (const { tool, ok, output_preview } of turns) {
        expect([tool, ok, output_preview]).toEqual(["increment_counter", true, expect.stringContaining('"n"')]);
      }
      for (const node of cluster.nodes) {
        await node.kill();
        await node.start();
      }
      expect(await turnsOf(client, 9)).toEqual(turns);
      // What was recorded before stands before what comes; of calls within one batch's time the order is nobody's promise.
      await client.call("increment_counter", { name: "n", by: 10 });
      const [last, ...before] = [...(await turnsOf(client, 10))].reverse();
      expect(last?.input).toMatchObject({ by: 10 });
      expect(before.reverse()).toEqual(turns);
    });
  });

  describe.each(turnOf(clientNames, storeName))("%s", (name) => {
    /** Clears a session with something in it, whose user agrees. Node 0 asks, another one gets the answer. */
    async function clear(onAsked: () => Promise<void>): Promise<unknown> {
      let asked = 0;
      await using client = await connectClient(name, cluster.url, {
        ask: async (question) => {
          expect(question).toContain('Clear the session "full"');
          asked += 1;
          cluster.balancer.choose(() => 1);
          await onAsked();
          return { action: "accept", content: { confirm: true } };
        },
      });
      const { session_id } = await client.call("create_session", { label: "full" });
      await client.call("record_action", { session_id, action: "a" });
      await client.call("set_session_data", { session_id, key: "k", value: 1 });
      cluster.balancer.choose(({ method }, candidates) => (method === "POST" ? 0 : (candidates.at(-1) ?? 0)));
      const cleared = await client.call("clear_session", { session_id });
      expect(asked).toBe(1);
      cluster.balancer.choose(undefined);
      for (let round = 0; round < cluster.nodes.length; round++) {
        expect(await client.call("get_context", { session_id })).toMatchObject({ label: "full", total_events: 0 });
        expect(await client.call("list_session_keys", { session_id })).toMatchObject({ keys: [] });
      }
      return cleared["cleared"];
    }

    test("clear_session asks at one node, is answered at another, and the session is empty at all", async () => {
      expect(await clear(async () => {})).toBe(true);
    });

    test("clear_session whose node is killed after it asked is done by the one that gets the answer", async () => {
      expect(await clear(() => cluster.node(0).kill())).toBe(true);
    });

    test("hears of changes of a session that are made at any node", async () => {
      await using client = await connectClient(name, cluster.url);
      await using writer = await connectClient(name, cluster.url);
      const { session_id } = await writer.call("create_session", { label: "watched" });
      const uri = `session://${String(session_id)}`;
      await client.subscribe(uri);
      for (let round = 1; round <= cluster.nodes.length; round++) {
        const before = client.changes.length;
        await writer.call("record_action", { session_id, action: `round ${round}` });
        await poll(() => (client.changes.length > before ? true : undefined), "the change", timeout / 3);
        expect(JSON.parse(await client.read(uri))).toMatchObject({ total_events: round });
      }
      expect(new Set(client.changes)).toEqual(new Set([uri]));
    });

    test("hears of what is said on a channel at any node, and reads it in the order in which it was said", async () => {
      await using client = await connectClient(name, cluster.url);
      await using sender = await connectClient(name, cluster.url);
      // All clients are one principal here, whose channels another client's test may have used.
      const channel = `heard by ${name}`;
      const from = { channel, ...(await member(sender, "ann")) };
      await sender.call("join_channel", from);
      await client.call("join_channel", { channel, ...(await member(client, "bob")) });
      await client.subscribe(`channel://${encodeURIComponent(channel)}`);
      for (let round = 1; round <= cluster.nodes.length; round++) {
        const before = client.changes.length;
        expect(await sender.call("broadcast", { ...from, message: round })).toMatchObject({ recipients: 1 });
        await poll(() => (client.changes.length > before ? true : undefined), "the message", timeout / 3);
        const { messages } = await client.call("read_channel", { channel });
        expect(messages).toMatchObject(
          Array.from({ length: round }, (_, index) => ({ message: index + 1, from: "ann" })),
        );
      }
    });
  });
});

/** Who speaks on a channel: a session of its own. */
async function member(client: AnyClient, label: string): Promise<{ readonly session_id: unknown }> {
  const { session_id } = await client.call("create_session", { label });
  return { session_id };
}

type Turn = {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly output_preview: string;
  readonly at: string;
  readonly ok: boolean;
};

/** What clients do in ordinary life, while every one of their requests goes to another node. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Cluster } from "../lib/cluster.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { poll } from "../lib/waiting.ts";
import { type AnyClient, clientNames, connectClient, outcomeOf, sessionClients } from "./client.ts";
import { startFleet } from "./fleet.ts";

const timeout = 60_000;

describeStoresAtOnce(durableStores, "three nodes on %s", {}, (storeName) => {
  let store: DurableStore;
  let cluster: Cluster;

  beforeAll(async () => {
    store = await openDurable(storeName);
    cluster = await startFleet(store.url);
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  describe.each(clientNames)("%s", (name) => {
    test("calls reach every node and count in one place", async () => {
      await using client = await connectClient(name, cluster.url, { headers: stranger(name) });
      const results = await Promise.all(Array.from({ length: 12 }, () => client.call("count")));
      expect(results.map(({ value }) => value).sort(byNumber)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
      expect(new Set(results.map(({ node }) => node)).size).toBe(3);
    });

    test("lists, reads and pings", async () => {
      await using client = await connectClient(name, cluster.url);
      for (let round = 0; round < 4; round++) {
        expect(await client.tools()).toEqual(expect.arrayContaining(["count", "talk", "ask", "confirm"]));
        expect(await client.read("note://one")).toMatch(/^from node-/);
        if (name !== "v2, 2026-07-28") await client.ping();
      }
    });

    test("progress arrives in order and before the result", async () => {
      await using client = await connectClient(name, cluster.url);
      const calls = Array.from({ length: 6 }, async () => {
        const seen: number[] = [];
        await client.call("progress", { tag: "p", steps: 5, waitMs: 5 }, { onProgress: (step) => seen.push(step) });
        return seen;
      });
      for (const seen of await Promise.all(calls)) expect(seen).toEqual([1, 2, 3, 4, 5]);
    });

    test("a call is cancelled, whichever node hears of it", { timeout }, async () => {
      await using client = await connectClient(name, cluster.url, { headers: stranger(`${name} cancels`) });
      for (let round = 1; round <= 3; round++) {
        const giveUp = new AbortController();
        const outcome = outcomeOf(client.call("hang", { counter: `round ${round}` }, { signal: giveUp.signal }));
        await untilCounted(client, `round ${round} begun`);
        giveUp.abort();
        expect(await outcome).toMatchObject({ failed: expect.stringContaining("abort") });
        await untilCounted(client, `round ${round} cancelled`);
      }
    });

    test("a tool that comes back for answers gets them, on whatever node", async () => {
      const asked: string[] = [];
      await using client = await connectClient(name, cluster.url, {
        headers: stranger(`${name} confirms`),
        ask: (question) => {
          asked.push(question);
          return { action: "accept", content: { answer: `answer to ${question.slice(0, 7)}` } };
        },
      });
      const result = await client.call("confirm", { rounds: 3 });
      expect(result).toMatchObject({ answers: [1, 2, 3].map((round) => `answer to round ${round}`), value: 1 });
      expect(asked.map((question) => question.slice(0, 7))).toEqual(["round 1", "round 2", "round 3"]);
    });

    test("logs of a call come with it, from the level that was set", async () => {
      await using client = await connectClient(name, cluster.url);
      await client.setLevel("warning");
      for (let round = 0; round < 3; round++) {
        for (const level of ["debug", "info", "warning", "error"]) {
          await client.call("log", { level, text: `${level} ${round}` });
        }
      }
      expect(client.logs).toEqual([0, 1, 2].flatMap((round) => [`warning ${round}`, `error ${round}`]));
    });

    test("hears of changes that any node announces", { timeout }, async () => {
      await using client = await connectClient(name, cluster.url);
      await client.subscribe("note://one");
      for (let round = 0; round < 3; round++) {
        const before = client.changes.length;
        await poll(
          async () => {
            await client.call("change_resource", { uri: "note://one" });
            return client.changes.length > before ? true : undefined;
          },
          "a resource's change",
          20_000,
        );
      }
      expect(new Set(client.changes)).toEqual(new Set(["note://one"]));
    });
  });

  describe.each(sessionClients)("%s", (name) => {
    test("a tool that waits for its client is answered through other nodes", async () => {
      await using client = await connectClient(name, cluster.url, {
        ask: (question) => ({ action: "accept", content: { answer: question } }),
      });
      const results = await Promise.all(
        Array.from({ length: 9 }, (_, index) => client.call("ask", { question: `question ${index}` })),
      );
      expect(results.map(({ answer }) => answer)).toEqual(
        results.map(({ node }, index) => `question ${index} (${String(node)})`),
      );
      expect(await client.call("sample", { question: "what?" })).toMatchObject({
        answer: expect.stringContaining("what?"),
      });
      expect(await client.call("roots")).toMatchObject({ roots: ["file:///work"] });
    });

    test("what a server says outside of a call arrives once and in order", { timeout }, async () => {
      await using client = await connectClient(name, cluster.url);
      const expected: string[] = [];
      for (let round = 0; round < 6; round++) {
        await client.call("announce", { tag: `round ${round}`, steps: 5 });
        for (let step = 1; step <= 5; step++) expected.push(`round ${round} ${step}`);
      }
      await poll(() => (client.logs.length >= expected.length ? true : undefined), "every message", 20_000);
      expect(client.logs).toEqual(expected);
    });

    test("a session whose client was told of its end is refused by every node", async () => {
      await using client = await connectClient(name, cluster.url);
      for (let round = 0; round < 3; round++) await client.call("count");
      const id = client.sessionId ?? "";
      await client.end();
      for (const { url } of cluster.nodes) {
        const answer = await fetch(url, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            accept: "application/json, text/event-stream",
            "mcp-session-id": id,
            "mcp-protocol-version": "2025-11-25",
          },
          body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
        });
        expect(answer.status).toBe(404);
        await answer.body?.cancel();
      }
    });
  });
});

/** Waits until the server has counted something itself. Asking counts too, so more than what was asked for must be there. */
async function untilCounted(client: AnyClient, counter: string): Promise<void> {
  let asked = 0;
  const ask = async (): Promise<true | undefined> => {
    asked += 1;
    const { value } = await client.call("count", { counter });
    return Number(value) > asked ? true : undefined;
  };
  await poll(ask, `"${counter}" to be counted`, 20_000, 100);
}

/** A principal of its own, for what is counted per principal where there are no sessions. */
function stranger(name: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${name.replaceAll(/[^a-z0-9]/g, "-")}-${process.pid}` };
}

function byNumber(one: unknown, other: unknown): number {
  return Number(one) - Number(other);
}

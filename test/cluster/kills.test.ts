/** What clients see of nodes that are killed, or paused until their lease has lapsed, at the worst of moments. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { Cluster, ClusterNode } from "../lib/cluster.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { logsIn, openRawSession, rawSession, readEvents, readUntil } from "../lib/raw-session.ts";
import { poll } from "../lib/waiting.ts";
import { type AnyClient, connectClient, outcomeOf, type Result, sessionClients, turnOf } from "./client.ts";
import { beforeTheHead, failAt, startFleet } from "./fleet.ts";

const timeout = 90_000;
/** The lease of a node, one sweep, and patience with a slow machine. */
const leaseMs = 30_000;

const mayBeRepeated = { failed: expect.stringMatching(/repeated/) };

describeStoresAtOnce(durableStores, "three nodes on %s", { timeout }, (storeName) => {
  let store: DurableStore;
  let cluster: Cluster;

  beforeAll(async () => {
    store = await openDurable(storeName);
    cluster = await startFleet(store.url);
  });

  afterEach(async () => {
    cluster.balancer.choose(undefined);
    for (const node of cluster.nodes) await node.restore();
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  /** Has one node take the requests that `start` makes, until `begun` says so; then everybody's turn comes again. */
  async function runOn<T>(
    node: ClusterNode,
    start: () => Promise<T>,
    begun: () => boolean,
  ): Promise<{ end: Promise<T> }> {
    cluster.balancer.choose(() => node.index);
    const end = start();
    await poll(() => (begun() ? true : undefined), "the call to begin", leaseMs);
    cluster.balancer.choose(undefined);
    // Wrapped, or waiting for this function would be waiting for the call.
    return { end };
  }

  /** A call that streams on node 0, from which the client has heard. */
  function talkOn0(client: AnyClient, steps: number, waitMs: number): ReturnType<typeof runOn<Outcome>> {
    const talk = (): Promise<Outcome> => outcomeOf(client.call("talk", { tag: "talk", steps, waitMs }));
    return runOn(cluster.node(0), talk, () => client.logs.length > 2);
  }

  describe.each(turnOf(sessionClients, storeName))("%s", (name) => {
    test("killed in the middle of a stream: nothing of it is missed, and the client is told to repeat", async () => {
      await using client = await connectClient(name, cluster.url);
      const { end } = await talkOn0(client, 1_000, 10);
      await cluster.node(0).kill();
      expect(await end).toEqual(mayBeRepeated);
      expect(client.logs).toEqual(client.logs.map((_, index) => `talk ${index + 1}`));
      expect(await client.call("count")).toMatchObject({ value: 1 });
    });

    test("killed after the result was committed, before it was sent: it is delivered, and not made again", async () => {
      await using client = await connectClient(name, cluster.url);
      await failAt(cluster.node(0), "after the result is committed");
      const { end } = await talkOn0(client, 30, 10);
      await cluster.node(0).ended();
      expect(await end).toMatchObject({ tag: "talk", steps: 30, value: 1 });
      expect(client.logs).toEqual(Array.from({ length: 30 }, (_, index) => `talk ${index + 1}`));
      expect(await client.call("count", { counter: "talks" })).toMatchObject({ value: 2 });
    });

    test.each(["before the result is committed", "after the effect is committed"] as const)(
      "killed %s: the client is told to repeat",
      async (point) => {
        await using client = await connectClient(name, cluster.url);
        await failAt(cluster.node(0), point);
        const { end } = await talkOn0(client, 30, 10);
        await cluster.node(0).ended();
        expect(await end).toEqual(mayBeRepeated);
        expect(client.logs).toEqual(Array.from({ length: 30 }, (_, index) => `talk ${index + 1}`));
        expect(await client.call("count", { counter: "talks" })).toMatchObject({ value: 2 });
      },
    );

    test("killed while it waits for an answer: the call ends, and the session goes on", async () => {
      let asked = 0;
      await using client = await connectClient(name, cluster.url, {
        ask: async () => {
          asked += 1;
          await cluster.node(0).kill();
          return { action: "accept", content: { answer: "late" } };
        },
      });
      const ask = (): Promise<Outcome> => outcomeOf(client.call("ask", { question: "who?" }));
      const { end } = await runOn(cluster.node(0), ask, () => asked > 0);
      expect(await end).toEqual(mayBeRepeated);
      expect(await client.call("count", { counter: "asked" })).toMatchObject({ value: 1 });
    });

    test.each(["before the client was asked", "after the client was asked"])(
      "killed %s for something its tool comes back for: the tool goes on elsewhere, once",
      async (moment) => {
        const asked: string[] = [];
        const early = moment.startsWith("before");
        await using client = await connectClient(name, cluster.url, {
          ask: async (question) => {
            asked.push(question);
            // The second question is asked by another node than the first: the first one is gone.
            if (!early && asked.length === 1) await cluster.node(0).kill();
            return { action: "accept", content: { answer: question.slice(0, 7) } };
          },
        });
        if (early) await failAt(cluster.node(0), "after the question is committed");
        const confirm = (): Promise<Outcome> => outcomeOf(client.call("confirm", { rounds: 2 }));
        const begun = (): boolean => (early ? client.logs : asked).length > 0;
        const { end } = await runOn(cluster.node(0), confirm, begun);
        if (early) await cluster.node(0).ended();
        expect(await end).toMatchObject({ answers: ["round 1", "round 2"], value: 1 });
        expect(asked.map((question) => question.slice(0, 7))).toEqual(["round 1", "round 2"]);
        expect(await client.call("count", { counter: "confirmed" })).toMatchObject({ value: 2 });
      },
    );

    test.each(["prompt", "resource"] as const)(
      "killed after it asked for a %s: whichever node gets the answer goes on, once",
      async (what) => {
        let asked = 0;
        await using client = await connectClient(name, cluster.url, {
          ask: async () => {
            asked += 1;
            await cluster.node(0).kill();
            return { action: "accept", content: { answer: "me" } };
          },
        });
        const get = (): Promise<string> => (what === "prompt" ? client.prompt("greeting") : client.read("asked://one"));
        const { end } = await runOn(cluster.node(0), get, () => asked > 0);
        const [said = "", node] = (await end).split(" from ");
        expect(said).toBe(what === "prompt" ? "hello me" : "me");
        expect(node).toMatch(/^node-/);
        expect(asked).toBe(1);
        expect(await client.call("count", { counter: `${what} answered` })).toMatchObject({ value: 2 });
      },
    );

    test("killed with the session's own stream: it goes on elsewhere, everything once and in order", async () => {
      await using client = await connectClient(name, cluster.url);
      const expected: string[] = [];
      for (let round = 0; round < 4; round++) {
        // Nobody here knows which node has the stream: each is killed in turn, and one of them has it.
        const victim = cluster.node(round % 3);
        await client.call("announce", { tag: `round ${round}`, steps: 10 });
        for (let step = 1; step <= 10; step++) expected.push(`round ${round} ${step}`);
        // A client that has received nothing yet has no cursor to come back with.
        if (round === 0) await heardBy(client, expected.length);
        await victim.kill();
        await victim.start();
      }
      expect(await heardBy(client, expected.length)).toEqual(expected);
    });

    describe("killed before anything came of the session's own stream", () => {
      // No client asks again for a first stream that it was never given. Whoever balances does, as nginx and HAProxy here.
      test("a balancer that asks another node: nothing is missed", async () => {
        await failAt(cluster.node(0), beforeTheHead);
        cluster.balancer.choose(({ method }) => (method === "GET" ? 0 : 1));
        await using client = await connectClient(name, cluster.url);
        await cluster.node(0).ended();
        await client.call("announce", { tag: "early", steps: 3 });
        expect(await heardBy(client, 3)).toEqual(["early 1", "early 2", "early 3"]);
        expect(client.errors).toEqual([]);
      });

      test("nobody asks again: the client is told, and what is said waits for whoever opens the stream", async () => {
        await failAt(cluster.node(0), beforeTheHead);
        await using client = await connectClient(name, cluster.node(0).url);
        await cluster.node(0).ended();
        await poll(() => (client.errors.length > 0 ? true : undefined), "the client to be told", leaseMs);
        await cluster.node(0).restore();
        await client.call("announce", { tag: "early", steps: 3 });
        expect(client.logs).toEqual([]);
        const session = rawSession({ "mcp-session-id": client.sessionId ?? "" });
        const own = await session.resume(cluster.node(1).url);
        expect(logsIn(await readUntil(own, (events) => logsIn(events).length === 3))).toEqual([
          "early 1",
          "early 2",
          "early 3",
        ]);
      });
    });
  });

  test("a node that was paused until its lease lapsed writes nothing when it wakes up", async () => {
    const [zombie, second, third] = [cluster.node(0), cluster.node(1), cluster.node(2)];
    const session = await openRawSession(second.url);
    // Not in the middle of a transaction: a store on one file could not go on beside that.
    await failAt(zombie, { when: "after", commit: 'talk 20\\\\"' }, "SIGSTOP");
    const answer = await session.call(zombie.url, 1, "talk", { tag: "talk", steps: 40, waitMs: 10 });
    let first = "";
    const seen = readEvents(answer, ({ id }) => (first ||= id));
    await zombie.paused();

    const resumed = await readEvents(await session.resume(second.url, first));
    expect(logsIn(resumed)).toEqual(Array.from({ length: 20 }, (_, index) => `talk ${index + 1}`));
    expect(resumed.at(-1)?.data).toMatch(/"error":.*repeated/);

    zombie.resume();
    // Its call goes on to its end, which it counts.
    let asked = 0;
    const talks = async (): Promise<number> => {
      asked += 1;
      const counted = await (await session.call(third.url, 1 + asked, "count", { counter: "talks" })).text();
      return Number(/"value":(\d+)/.exec(counted)?.[1]) - asked;
    };
    await poll(async () => ((await talks()) > 0 ? true : undefined), "the zombie's end", leaseMs, 200);
    expect(await readEvents(await session.resume(third.url, first))).toEqual(resumed);
    await zombie.kill();
    await seen;
  });
});

/** What a client has heard once it is as much as expected, or the deadline is over. */
async function heardBy(client: AnyClient, count: number, deadlineMs = leaseMs): Promise<readonly string[]> {
  const enough = (): true | undefined => (client.logs.length >= count ? true : undefined);
  await poll(enough, "every message", deadlineMs).catch(() => {});
  return [...client.logs];
}

type Outcome = Result | { readonly failed: string };

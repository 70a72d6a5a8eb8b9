/** The balancers that people have, with the configuration that the documentation prints. */
import { describe, expect, test } from "vitest";

import {
  type AnyClient,
  type ClientName,
  clientNames,
  connectClient,
  outcomeOf,
  sessionClients,
} from "../cluster/client.ts";
import { beforeTheHead, failAt, startFleet } from "../cluster/fleet.ts";
import { rollingRestart } from "../cluster/rolling.ts";
import { type Cluster, startCluster } from "../lib/cluster.ts";
import { openDurable } from "../lib/durable-stores.ts";
import { removeFolder, startServer, temporaryFolder } from "../lib/server-process.ts";
import { startLoadBalancer } from "../lib/servers/load-balancers.ts";
import { poll } from "../lib/waiting.ts";
import { connect } from "../server/connect.ts";

const hostOf = ({ origin }: { readonly origin: string }): string => new URL(origin).host;

describe.each(["nginx", "haproxy"] as const)("%s", { timeout: 180_000 }, (name) => {
  test("streams, questions and kills, with every kind of client, and where nodes are asked a rolling restart", async () => {
    await using store = await openDurable("sqlite");
    await using cluster = await startFleet(store.url);
    await using balancer = await startLoadBalancer(name, cluster.nodes.map(hostOf));

    for (const client of clientNames) {
      await using connected = await connectClient(client, balancer.url, {
        ask: (question) => ({ action: "accept", content: { answer: question.slice(0, 7) } }),
      });
      const results = await Promise.all(Array.from({ length: 9 }, () => connected.call("count")));
      expect(new Set(results.map(({ node }) => node)).size).toBe(3);
      expect(await connected.call("confirm", { rounds: 2 })).toMatchObject({ answers: ["round 1", "round 2"] });
      await expectUnbuffered(connected);
    }

    for (const client of sessionClients) {
      await expectSecondNodeAsked(client, cluster, balancer.url);
      await using connected = await connectClient(client, balancer.url);
      const call = outcomeOf(connected.call("talk", { tag: "talk", steps: 2_000, waitMs: 10 }));
      await poll(() => (connected.logs.length > 2 ? true : undefined), "the call to begin", 20_000);
      for (const node of cluster.nodes.slice(0, 2)) {
        await node.kill();
        await node.start();
      }
      await cluster.node(2).kill();
      await cluster.node(2).start();
      // All three were killed, so whichever it ran on.
      expect(await call).toEqual({ failed: expect.stringMatching(/repeated/) });
      expect(connected.logs).toEqual(connected.logs.map((_, index) => `talk ${index + 1}`));
    }

    if (leavesDrainingNodesAlone(name)) await rollingRestart(cluster, balancer.url);
  });

  if (!leavesDrainingNodesAlone(name)) return;
  test("the ready server: nobody notices a rolling restart, and nothing is done twice", async () => {
    const dir = await temporaryFolder();
    await using store = await openDurable("sqlite");
    await using cluster = await startCluster((port) => startServer({ store: store.url, dir, port }));
    await using balancer = await startLoadBalancer(name, cluster.nodes.map(hostOf));
    await using old = await connect(balancer.url, "2025");
    await using newer = await connect(balancer.url, "2026");
    const made = await newer.call("create_session");
    if (!made.ok) throw new Error(made.fault.message);
    const { session_id } = made.value;
    let calls = 0;
    let done = false;
    const failures: string[] = [];
    const work = async (connection: typeof old): Promise<void> => {
      try {
        while (!done) {
          const answer = await connection.call("increment_counter", { session_id, name: "n" });
          if (answer.ok) calls += 1;
          else failures.push(JSON.stringify(answer));
        }
      } catch (error) {
        failures.push(String(error));
      }
    };
    const working = Promise.all([work(old), work(newer)]);
    for (const node of cluster.nodes) {
      expect(await node.stop()).toEqual({ code: 0, signal: null });
      await node.start();
      const before = calls;
      await poll(() => (calls > before + 10 || failures.length > 0 ? true : undefined), "both to go on", 20_000);
    }
    done = true;
    await working;
    expect(failures).toEqual([]);
    const last = await newer.call("increment_counter", { session_id, name: "n" });
    expect(last).toMatchObject({ value: { value: calls + 1 } });
    await removeFolder(dir);
  });
});

/** nginx asks no node how it is: it goes on sending until a port is closed, and what arrives at that very moment is lost. */
function leavesDrainingNodesAlone(name: "nginx" | "haproxy"): boolean {
  return name === "haproxy";
}

/** No client asks again for its session's first stream if the node that got it dies before it answers: the balancer does. */
async function expectSecondNodeAsked(name: ClientName, cluster: Cluster, url: string): Promise<void> {
  const node = cluster.node(0);
  await failAt(node, beforeTheHead);
  let over = false;
  const ended = node.ended().finally(() => (over = true));
  while (!over) {
    await using client = await connectClient(name, url);
    const early = await outcomeOf(client.call("announce", { tag: "early", steps: 3 }));
    // It was at the node as well when that died: it may have been carried out, so repeating it is for its client to decide.
    const lost = "failed" in early ? early.failed : undefined;
    const tag = lost === undefined ? "early" : "again";
    if (lost !== undefined) {
      await ended;
      await client.call("announce", { tag, steps: 3 });
    }
    const heard = (): readonly string[] => client.logs.filter((text) => text.startsWith(tag));
    await poll(() => (heard().length === 3 ? true : undefined), "what was said outside of a call", 30_000);
    const errors = client.errors.filter(({ message }) => message !== lost);
    expect({ name, errors }).toEqual({ name, errors: [] });
  }
  await ended;
  await node.start();
}

/** Gives a long call up as soon as anything is heard of it: what a balancer keeps back until the end is not heard of. */
async function expectUnbuffered(client: AnyClient): Promise<void> {
  const heard = new AbortController();
  const options = { signal: heard.signal, onProgress: () => heard.abort() };
  const outcome = await outcomeOf(client.call("progress", { tag: "p", steps: 5_000, waitMs: 10 }, options));
  expect(outcome).toMatchObject({ failed: expect.stringContaining("abort") });
  expect(heard.signal.aborted).toBe(true);
}

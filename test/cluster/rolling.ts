/** All nodes stopped and started one after the other, as a deployment does, while clients of all kinds are at work. */
import { expect } from "vitest";

import type { Cluster } from "../lib/cluster.ts";
import { poll } from "../lib/waiting.ts";
import { type AnyClient, clientNames, connectClient } from "./client.ts";

/** Fails if any client sees an error, misses a message, or has a call counted other than once. */
export async function rollingRestart(cluster: Cluster, url: string): Promise<void> {
  const done = new AbortController();
  const workers = await Promise.all(clientNames.map((name) => startWorker(name, url, done.signal)));
  try {
    for (const node of cluster.nodes) {
      const before = workers.map(({ calls }) => calls());
      expect(await node.stop()).toEqual({ code: 0, signal: null });
      await node.start();
      const goOn = (): boolean =>
        workers.every(({ calls, failures }, index) => failures.length > 0 || calls() > (before[index] ?? 0));
      await poll(() => (goOn() ? true : undefined), "everybody to go on", 30_000);
    }
  } finally {
    done.abort();
  }
  for (const worker of workers) {
    const { client, calls } = await worker.end();
    expect({ name: client.name, failures: worker.failures }).toEqual({ name: client.name, failures: [] });
    expect(await client.call("count", { counter: "talks" })).toMatchObject({ value: calls + 1 });
    expect(client.endings.filter((ending) => ending !== "graceful")).toEqual([]);
    await client[Symbol.asyncDispose]();
  }
}

type Worker = {
  readonly calls: () => number;
  readonly failures: readonly string[];
  readonly end: () => Promise<{ readonly client: AnyClient; readonly calls: number }>;
};

/** A client that calls a streaming tool over and over, and subscribes to a resource meanwhile. */
async function startWorker(name: AnyClient["name"], url: string, done: AbortSignal): Promise<Worker> {
  const headers = { authorization: `Bearer rolling-${name.replaceAll(/[^a-z0-9]/g, "-")}` };
  const client = await connectClient(name, url, { headers });
  await client.subscribe("note://one");
  let calls = 0;
  const failures: string[] = [];
  const work = async (): Promise<void> => {
    while (!done.aborted) {
      const tag = `call ${calls + 1}`;
      const before = client.logs.length;
      try {
        await client.call("talk", { tag, steps: 4, waitMs: 25 }, { timeoutMs: 20_000 });
        calls += 1;
        expect(client.logs.slice(before)).toEqual([1, 2, 3, 4].map((step) => `${tag} ${step}`));
      } catch (error) {
        failures.push(`${tag}: ${String(error)} ${client.errors.map(String).join()}`);
        return;
      }
    }
  };
  const working = work();
  return {
    calls: () => calls,
    failures,
    async end() {
      await working;
      return { client, calls };
    },
  };
}

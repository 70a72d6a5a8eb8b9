/** What a durable counter call costs a node and its store, by store and era: from this a deployment is sized. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ServerChild } from "../lib/child.ts";
import { throughput } from "../lib/compare.ts";
import type { Cost } from "../lib/cost.ts";
import { type BenchServer, benchPostgres } from "../lib/postgres-server.ts";
import { processorMs } from "../lib/process-cpu.ts";
import { benchRedis } from "../lib/redis-server.ts";
import { type Spread, spreadOf } from "../lib/stats.ts";
import { modernCaller, sessionCaller } from "./eras.ts";
import { connections, warmUp } from "./side-by-side.ts";

const eras = [
  { era: "2025", open: sessionCaller },
  { era: "2026-07-28", open: modernCaller },
] as const;

type Place = { readonly store: string; readonly url: string; readonly servers: readonly BenchServer[] };

export async function callCosts(rounds: number, roundMs: number): Promise<Cost[]> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const [postgres, redis] = await Promise.all([benchPostgres(), benchRedis()]);
  const places: Place[] = [
    { store: "memory", url: "memory:", servers: [] },
    { store: "SQLite FULL", url: `sqlite:${join(folder, "state.db")}`, servers: [] },
  ];
  if (postgres !== undefined) places.push({ store: "PostgreSQL", url: postgres.url, servers: [postgres] });
  if (redis !== undefined) places.push({ store: "Redis (AOF everysec)", url: redis.url, servers: [redis] });
  try {
    const costs: Cost[] = [];
    for (const place of places) costs.push(...(await costsOn(place, rounds, roundMs)));
    return costs;
  } finally {
    await Promise.all([postgres?.stop(), redis?.stop()]);
    await rm(folder, { recursive: true });
  }
}

async function costsOn({ store, url, servers }: Place, rounds: number, roundMs: number): Promise<Cost[]> {
  const costs: Cost[] = [];
  for (const { era, open } of eras) {
    const server = await ServerChild.start("holdfast", [url]);
    const callers = await Promise.all(Array.from({ length: connections }, (_, number) => open(server.port, number)));
    const seen = { perSecond: [] as number[], node: [] as number[], storeServer: [] as number[] };
    try {
      await warmUp(callers, roundMs * 2);
      for (let round = 0; round < rounds; round += 1) {
        let calls = 0;
        const [node, outside] = [await server.processorMs(), await processorsOf(servers)];
        const perSecond = await throughput(connections, roundMs, async (worker) => {
          await callers[worker]?.call();
          calls += 1;
        });
        seen.perSecond.push(perSecond);
        seen.node.push((1000 * ((await server.processorMs()) - node)) / calls);
        const after = await processorsOf(servers);
        if (outside !== undefined && after !== undefined) seen.storeServer.push((1000 * (after - outside)) / calls);
      }
    } finally {
      for (const caller of callers) caller.close();
      await server.stop();
    }
    const storeServer: { storeServer?: Spread } =
      servers.length > 0 && seen.storeServer.length > 0 ? { storeServer: spreadOf(seen.storeServer) } : {};
    costs.push({ store, era, perSecond: spreadOf(seen.perSecond), node: spreadOf(seen.node), ...storeServer });
  }
  return costs;
}

/** Undefined if one of them is not ours to look at. */
async function processorsOf(servers: readonly BenchServer[]): Promise<number | undefined> {
  let sum = 0;
  for (const { pid } of servers) {
    const used = pid === undefined ? undefined : await processorMs(pid);
    if (used === undefined) return undefined;
    sum += used;
  }
  return sum;
}

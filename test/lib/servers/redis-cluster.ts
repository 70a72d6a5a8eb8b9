/** A private Redis Cluster of three primaries, from the plain binary. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

import { askRedis, type RedisServer, startRedis } from "./redis.ts";
import { redisBinaries } from "./redis-binaries.ts";

const primaries = 3;
const joinMs = 30_000;
const run = promisify(execFile);

export interface RedisCluster {
  /** For the store. */
  readonly url: string;
  readonly servers: readonly RedisServer[];
  /** Moves so many slots from one server to another, keys and all. Resolves once they are there. */
  move(from: number, to: number, slots: number): Promise<void>;
  /** Starts a replica of one of the primaries. Resolves once it has what its primary has. */
  addReplica(of: number): Promise<RedisServer>;
  /** How many keys each server has. */
  sizes(): Promise<readonly number[]>;
  stop(): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const servers: RedisServer[] = [];
  const replicas: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all([...servers, ...replicas].map((server) => server.stop()));
  };
  try {
    while (servers.length < primaries) servers.push(await startNode());
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
    await cli(["--cluster", "create", ...addresses, "--cluster-yes"]);
    await untilWhole(servers);
    const ids = await Promise.all(servers.map(({ port }) => idOf(port)));
    return {
      url: `redis+cluster://${addresses.join(",")}`,
      servers,
      move: async (from, to, slots) => {
        const way = ["--cluster-from", ids[from] ?? "", "--cluster-to", ids[to] ?? "", "--cluster-slots", `${slots}`];
        await cli(["--cluster", "reshard", addresses[0] ?? "", ...way, "--cluster-yes"]);
      },
      addReplica: async (of) => {
        const replica = await startNode();
        replicas.push(replica);
        const way = ["--cluster-slave", "--cluster-master-id", ids[of] ?? ""];
        await cli(["--cluster", "add-node", `127.0.0.1:${replica.port}`, addresses[0] ?? "", ...way]);
        await untilFollowing(replica);
        return replica;
      },
      sizes: () => Promise.all(servers.map(async ({ port }) => Number((await askRedis(port, "DBSIZE")).slice(1)))),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Its bus has the port 10,000 above, which has to exist. */
function startNode(): Promise<RedisServer> {
  return startRedis(["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"], 55_535);
}

async function cli(args: readonly string[]): Promise<void> {
  await run(join(redisBinaries(), "redis-cli"), args, { maxBuffer: 64 * 1024 * 1024 });
}

async function idOf(port: number): Promise<string> {
  return (await askRedis(port, "CLUSTER MYID")).split("\r\n")[1] ?? "";
}

async function untilFollowing(replica: RedisServer): Promise<void> {
  const until = performance.now() + joinMs;
  for (;;) {
    const info = await askRedis(replica.port, "INFO replication");
    if (info.includes("role:slave") && info.includes("master_link_status:up")) return;
    if (performance.now() > until) throw new Error("a replica of the Redis cluster does not follow its primary");
    await delay(50);
  }
}

/** Every server has to know of every slot. */
async function untilWhole(servers: readonly RedisServer[]): Promise<void> {
  const until = performance.now() + joinMs;
  for (;;) {
    const answers = await Promise.all(servers.map(({ port }) => askRedis(port, "CLUSTER INFO")));
    const isWhole = (info: string): boolean =>
      info.includes("cluster_state:ok") && info.includes("cluster_slots_assigned:16384");
    if (answers.every(isWhole)) return;
    if (performance.now() > until) throw new Error("the Redis cluster did not come together");
    await delay(50);
  }
}

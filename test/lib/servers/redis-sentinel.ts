/** A private primary with a replica, and three sentinels that watch them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { freePort, type Guarded, guarded, serverFolder } from "./guarded.ts";
import { askRedis, type RedisServer, startRedis } from "./redis.ts";
import { redisBinaries } from "./redis-binaries.ts";

const sentinelCount = 3;
const readyMs = 30_000;

export interface RedisWithSentinels {
  /** For the store. */
  readonly url: string;
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  stop(): Promise<void>;
}

/** @param name what the sentinels call the primary. */
export async function startRedisWithSentinels(name = "main"): Promise<RedisWithSentinels> {
  const opened: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(opened.map((server) => server.stop()));
  };
  try {
    const primary = await startRedis(["--repl-diskless-sync-delay", "0"]);
    opened.push(primary);
    const replica = await startRedis(["--replicaof", `127.0.0.1 ${primary.port}`]);
    opened.push(replica);
    await until("the replica follows", async () => {
      return (await askRedis(replica.port, "INFO replication")).includes("master_link_status:up");
    });
    const ports: number[] = [];
    while (ports.length < sentinelCount) {
      const port = await freePort();
      opened.push(startSentinel(port, name, primary.port));
      ports.push(port);
    }
    for (const port of ports) {
      await until("the sentinels know each other", async () => {
        const [known, replicas] = [/num-other-sentinels\r\n\$\d+\r\n(\d+)/, /num-slaves\r\n\$\d+\r\n(\d+)/].map(
          (pattern) => async () => Number(pattern.exec(await askRedis(port, `SENTINEL MASTER ${name}`))?.[1]),
        );
        return (await known?.()) === sentinelCount - 1 && (await replicas?.()) === 1;
      });
    }
    return {
      url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(",")}/${name}`,
      primary,
      replica,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startSentinel(port: number, name: string, primaryPort: number): Guarded {
  const folder = serverFolder("sentinel");
  const file = join(folder, "sentinel.conf");
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    "loglevel warning",
    `sentinel monitor ${name} 127.0.0.1 ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${name} 1000`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  const command = join(redisBinaries(), "redis-server");
  return guarded({ command, args: [file, "--sentinel"], folder, endSignal: "SIGKILL" });
}

async function until(what: string, probe: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + readyMs;
  while (!(await probe().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${readyMs} ms`);
    await delay(50);
  }
}

/** A private Redis server in a temporary folder, on a free port of loopback. */
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { freePort, type Guarded, guarded, serverFolder } from "./guarded.ts";
import { redisBinaries } from "./redis-binaries.ts";

const startMs = 30_000;
const askMs = 1_000;

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Where its data lies until it stops. */
  readonly folder: string;
  /** Kills it by -9 and starts it anew on the same data. Resolves once it serves again. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a server with an append-only file and without eviction, which ends with `stop`, or with this process, however
 * that ends.
 * @param settings such as `["--appendfsync", "always"]`; they win over ours.
 * @param highestPort of those that are free.
 */
export async function startRedis(settings: readonly string[] = [], highestPort = 65_535): Promise<RedisServer> {
  const binaries = redisBinaries();
  const folder = serverFolder("redis");
  let port = await freePort();
  while (port > highestPort) port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--loglevel", "warning"];
  args.push("--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--save", "");
  args.push(...settings);
  const server = guarded({ command: join(binaries, "redis-server"), args, folder, endSignal: "SIGKILL" });
  let run: string | undefined;
  const ready = async (): Promise<void> => {
    run = await untilReady(port, server, run);
  };
  await ready().catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    folder,
    crash: () => {
      server.crash();
      return ready();
    },
    stop: server.stop,
  };
}

/** Waits for a run of the server other than the one before, and until it has its data again. Answers the run's id. */
async function untilReady(port: number, server: Guarded, before: string | undefined): Promise<string> {
  const until = performance.now() + startMs;
  while (performance.now() < until && !server.ended()) {
    const run = /run_id:(\w+)/.exec(await askRedis(port, "INFO server").catch(() => ""))?.[1];
    if (run !== undefined && run !== before) {
      const pong = await askRedis(port, "PING").catch(() => "");
      if (pong.startsWith("+PONG")) return run;
    }
    await delay(20);
  }
  throw new Error("Redis did not start");
}

/** Sends one command as a line and answers what came back first, in the server's own protocol. */
export function askRedis(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.setTimeout(askMs, () => socket.destroy(new Error("Redis did not answer")));
    socket.once("connect", () => socket.write(`${line}\r\n`));
    socket.once("data", (data) => {
      resolve(data.toString("utf8"));
      socket.end();
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("Redis closed the connection")));
  });
}

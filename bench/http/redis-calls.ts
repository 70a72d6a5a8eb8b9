/** P4: a durable counter call over HTTP on Redis beside frameworks that keep sessions there, all on one Redis server. */
import { ServerChild } from "../lib/child.ts";
import { freePort } from "../lib/free-port.ts";
import { mcpUseServer } from "../lib/mcp-use.ts";
import { benchRedis } from "../lib/redis-server.ts";
import type { Row } from "../lib/row.ts";
import { sessionCaller } from "./eras.ts";
import { connections, sideBySide } from "./side-by-side.ts";

type Peer = {
  readonly label: string;
  readonly over: string;
  readonly goal: number;
  readonly stretch?: number;
  readonly start: (url: string) => Promise<ServerChild>;
};

const peers: readonly Peer[] = [
  {
    label: "Redis, tmcp",
    over: "tmcp with its Redis managers, and a counter in Redis",
    goal: 1.1,
    stretch: 1.4,
    start: (url) => ServerChild.start("tmcp-redis", [url]),
  },
  {
    label: "Redis, mcp-use",
    over: "mcp-use 1.x with its Redis store and stream manager, and a counter in Redis",
    goal: 2.5,
    start: async (url) => ServerChild.start("mcp-use-redis", [url, await mcpUseServer(), String(await freePort())]),
  },
];

/** Nothing where Redis is not installed. */
export async function redisCallRows(rounds: number, roundMs: number): Promise<Row[]> {
  const redis = await benchRedis();
  if (redis === undefined) return [];
  const rows: Row[] = [];
  try {
    for (const { label, over, goal, stretch, start } of peers) {
      const ours = await ServerChild.start("holdfast", [redis.url]);
      const theirs = await start(redis.url);
      try {
        rows.push({
          id: "P4",
          label,
          what: `durable counter call in a 2025-era session, Redis (AOF everysec), ${connections} connections`,
          over,
          goal: { atLeast: goal },
          ...(stretch !== undefined && { stretch }),
          unit: "/s",
          ...(await sideBySide(ours, theirs, sessionCaller, rounds, roundMs)),
        });
      } finally {
        await theirs.stop();
        await ours.stop();
      }
    }
    return rows;
  } finally {
    await redis.stop();
  }
}

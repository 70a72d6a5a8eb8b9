import { benchRedis } from "../lib/redis-server.ts";
import type { Row } from "../lib/row.ts";
import { RawRedis } from "./raw-redis.ts";
import { inFlight, records, storeRows } from "./rows.ts";

/** Nothing where Redis is not installed. */
export async function redisRows(rounds: number, roundMs: number): Promise<Row[]> {
  const server = await benchRedis();
  if (server === undefined) return [];
  try {
    const target = {
      name: "Redis (AOF everysec)",
      url: server.url,
      raw: await RawRedis.open(server.url, records, inFlight),
      updates: `a script that updates conditionally and logs, ${inFlight} in flight`,
      increments: `a script that increments and logs, ${inFlight} in flight`,
      goals: { P1: 0.5, P2: 0.75, P10: 0.5 },
    };
    return await storeRows(target, rounds, roundMs);
  } finally {
    await server.stop();
  }
}

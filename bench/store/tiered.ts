import { benchPostgres } from "../lib/postgres-server.ts";
import { benchRedis } from "../lib/redis-server.ts";
import type { Row } from "../lib/row.ts";
import { RawPostgres } from "./raw-postgres.ts";
import { records, storeRows } from "./rows.ts";

/** Beside PostgreSQL alone, which is where everything is decided. Nothing where one of the servers is not installed. */
export async function tieredRows(rounds: number, roundMs: number): Promise<Row[]> {
  const redis = await benchRedis();
  const postgres = redis && (await benchPostgres());
  try {
    if (redis === undefined || postgres === undefined) return [];
    const target = {
      name: "Redis over PostgreSQL",
      url: `tiered:${redis.url},${postgres.url}`,
      raw: await RawPostgres.open(postgres.url, records),
      updates: "conditional updates and log rows in PostgreSQL, 64 per statement, 4 statements in flight",
      increments: "the same, one statement each",
      goals: { P1: 0.5, P2: 2.5, P10: 0.3 },
    };
    return await storeRows(target, rounds, roundMs);
  } finally {
    await postgres?.stop();
    await redis?.stop();
  }
}

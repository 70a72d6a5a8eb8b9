import { benchPostgres } from "../lib/postgres-server.ts";
import type { Row } from "../lib/row.ts";
import { RawPostgres } from "./raw-postgres.ts";
import { records, storeRows } from "./rows.ts";

/** Nothing where PostgreSQL is not installed. */
export async function postgresRows(rounds: number, roundMs: number): Promise<Row[]> {
  const server = await benchPostgres();
  if (server === undefined) return [];
  try {
    const target = {
      name: "PostgreSQL",
      url: server.url,
      raw: await RawPostgres.open(server.url, records),
      updates: "conditional updates and log rows, 64 per statement, 4 statements in flight",
      increments: "the same, one statement each",
      goals: { P1: 0.5, P2: 2.5, P10: 0.3 },
    };
    return await storeRows(target, rounds, roundMs);
  } finally {
    await server.stop();
  }
}

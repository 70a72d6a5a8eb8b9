/** What can be measured by itself. */
import { callCosts } from "./http/cost.ts";
import { firstRequestRows } from "./http/first-request.ts";
import { postgresCallRows } from "./http/postgres-calls.ts";
import { redisCallRows } from "./http/redis-calls.ts";
import { sessionMemory } from "./http/session-memory.ts";
import { sqliteCallRows } from "./http/sqlite-calls.ts";
import type { Cost, Fact } from "./lib/cost.ts";
import type { Row } from "./lib/row.ts";
import { historyRow } from "./store/history.ts";
import { postgresRows } from "./store/postgres.ts";
import { redisRows } from "./store/redis.ts";
import { sqliteRows } from "./store/sqlite.ts";
import { tieredRows } from "./store/tiered.ts";

/** Nothing where a server that it needs is not installed. */
export type Measured = {
  readonly rows: readonly Row[];
  readonly costs?: readonly Cost[];
  readonly facts?: readonly Fact[];
};
export type Part = (rounds: number, roundMs: number, short: boolean) => Promise<Measured>;

export const parts: Readonly<Record<string, Part>> = {
  sqlite: async (rounds, roundMs) => ({ rows: await sqliteRows(rounds, roundMs) }),
  postgres: async (rounds, roundMs) => ({ rows: await postgresRows(rounds, roundMs) }),
  redis: async (rounds, roundMs) => ({ rows: await redisRows(rounds, roundMs) }),
  tiered: async (rounds, roundMs) => ({ rows: await tieredRows(rounds, roundMs) }),
  history: async (rounds, roundMs) => ({ rows: [await historyRow(rounds, roundMs)] }),
  "http-sqlite": async (rounds, roundMs) => ({ rows: await sqliteCallRows(rounds, roundMs) }),
  "http-redis": async (rounds, roundMs) => ({ rows: await redisCallRows(rounds, roundMs) }),
  "http-postgres": async (rounds, roundMs) => ({ rows: await postgresCallRows(rounds, roundMs) }),
  "first-request": async (rounds, _roundMs, short) => ({ rows: await firstRequestRows(rounds, short) }),
  cost: async (rounds, roundMs) => ({ rows: [], costs: await callCosts(rounds, roundMs) }),
  idle: (_rounds, _roundMs, short) => sessionMemory(short ? 2_000 : 100_000),
};

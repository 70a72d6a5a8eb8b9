/**
 * What tutorials do for state in the stateless era: the SDK's handler on its stock Node adapter, a table of sessions whose
 * JSONB holds the counters, a table of events, and in each call one statement after another.
 */
import { createServer, type RequestListener } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";

import { announce, reportUse } from "./announce.ts";
import { type CounterCall, registerTools } from "./tools.ts";

type Pool = {
  query(
    statement: string | { readonly name: string; readonly text: string; readonly values: readonly unknown[] },
  ): Promise<{ readonly rows: readonly { readonly value: unknown }[] }>;
};
type Driver = { readonly Pool: new (settings: { readonly connectionString: string; readonly max: number }) => Pool };

const [, , url, sessions] = process.argv;
if (url === undefined || sessions === undefined) throw new Error("usage: tutorial-postgres.js URL SESSIONS");
// The driver's own types are not needed for this.
const driverName: string = "pg";
const { default: driver } = (await import(driverName)) as { readonly default: Driver };
// As many connections as calls at once: none waits for one.
const pool = new driver.Pool({ connectionString: url, max: 16 });
await pool.query(`
  drop schema if exists tutorial cascade;
  create schema tutorial;
  create table tutorial.sessions (id text primary key, state jsonb not null, updated_at timestamptz not null default now());
  create table tutorial.events (
    id bigserial primary key, session_id text not null references tutorial.sessions, type text not null,
    payload jsonb not null, created_at timestamptz not null default now()
  );
  create index on tutorial.events (session_id, id);
  insert into tutorial.sessions select 'session-' || n, '{"counters":{}}' from generate_series(0, ${Number(sessions)} - 1) n;
`);

const add = `update tutorial.sessions
  set state = jsonb_set(state, array['counters', $2::text], to_jsonb(coalesce((state->'counters'->>$2)::bigint, 0) + $3)),
    updated_at = now()
  where id = $1 returning state->'counters'->$2 as value`;
const log = "insert into tutorial.events (session_id, type, payload) values ($1, 'counted', $2)";

async function count({ session, counter, by }: CounterCall): Promise<number> {
  const { rows } = await pool.query({ name: "add", text: add, values: [session, counter, by] });
  await pool.query({ name: "log", text: log, values: [session, JSON.stringify({ counter, by })] });
  return Number(rows[0]?.value);
}

const handler = createMcpHandler(
  () => {
    const mcp = new McpServer({ name: "bench", version: "1.0.0" });
    registerTools(mcp, count);
    return mcp;
  },
  { legacy: "reject" },
);
// Its parameters are declared more narrowly than Node's own, which is what it is given.
announce(createServer(toNodeHandler(handler) as unknown as RequestListener));
reportUse();

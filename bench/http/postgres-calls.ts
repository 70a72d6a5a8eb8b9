/** P6: a durable counter call with an event over HTTP on PostgreSQL beside what tutorials do, on one PostgreSQL server. */
import { ServerChild } from "../lib/child.ts";
import { benchPostgres } from "../lib/postgres-server.ts";
import type { Row } from "../lib/row.ts";
import { modernCaller } from "./eras.ts";
import { connections, sideBySide } from "./side-by-side.ts";

/** Nothing where PostgreSQL is not installed. */
export async function postgresCallRows(rounds: number, roundMs: number): Promise<Row[]> {
  const postgres = await benchPostgres();
  if (postgres === undefined) return [];
  try {
    const ours = await ServerChild.start("holdfast", [postgres.url, "events"]);
    const theirs = await ServerChild.start("tutorial-postgres", [postgres.url, String(connections)]);
    try {
      return [
        {
          id: "P6",
          label: "PostgreSQL, the tutorial's calls",
          what: `durable counter call with an event over 2026-07-28, PostgreSQL, 12 tools, ${connections} connections`,
          over: "the SDK's handler on its stock Node adapter; a counter in JSONB and a row of events, a statement each",
          goal: { atLeast: 1.8 },
          unit: "/s",
          ...(await sideBySide(ours, theirs, modernCaller, rounds, roundMs)),
        },
      ];
    } finally {
      await theirs.stop();
      await ours.stop();
    }
  } finally {
    await postgres.stop();
  }
}

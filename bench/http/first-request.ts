/** P9: the first request on a node that never saw the session beside the next one, which finds it warm. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ServerChild } from "../lib/child.ts";
import { benchPostgres } from "../lib/postgres-server.ts";
import { benchRedis } from "../lib/redis-server.ts";
import type { Row } from "../lib/row.ts";
import { quantileOf, spreadOf } from "../lib/stats.ts";
import { Connection } from "./client.ts";
import { callerOf, openSession } from "./eras.ts";

/** Sessions of a round, each of another user. */
const perRound = { full: 100, short: 20 };

/** Leaves out stores whose server is not installed. */
export async function firstRequestRows(rounds: number, short: boolean): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const [postgres, redis] = await Promise.all([benchPostgres(), benchRedis()]);
  const stores = [
    { label: "SQLite FULL", store: `sqlite:${join(folder, "state.db")}` },
    { label: "PostgreSQL", store: postgres?.url },
    { label: "Redis (AOF everysec)", store: redis?.url },
  ];
  const rows: Row[] = [];
  try {
    for (const { label, store } of stores) {
      if (store !== undefined) rows.push(await rowOf(label, store, rounds, short ? perRound.short : perRound.full));
    }
    return rows;
  } finally {
    await Promise.all([postgres?.stop(), redis?.stop()]);
    await rm(folder, { recursive: true });
  }
}

async function rowOf(label: string, store: string, rounds: number, sessions: number): Promise<Row> {
  const home = await ServerChild.start("holdfast", [store]);
  const other = await ServerChild.start("holdfast", [store]);
  const firsts: number[] = [];
  const seconds: number[] = [];
  try {
    // The first round makes both nodes warm, and does not count.
    for (let round = -1; round < rounds; round += 1) {
      const { first, second } = await visit(home.port, other.port, round, sessions);
      if (round < 0) continue;
      firsts.push(first);
      seconds.push(second);
    }
  } finally {
    await other.stop();
    await home.stop();
  }
  return {
    id: "P9",
    label,
    what: `first request on a node that never saw the session, p50 of ${sessions} sessions, one at a time, ${label}`,
    over: "the request after it, which finds the session warm",
    goal: { atMost: 2 },
    unit: "ms",
    ours: spreadOf(firsts),
    theirs: spreadOf(seconds),
    value: spreadOf(firsts.map((first, round) => first / (seconds[round] ?? Number.NaN))),
  };
}

/** Opens sessions on one node and uses each twice on the other; the medians, in milliseconds. */
async function visit(
  home: number,
  other: number,
  round: number,
  sessions: number,
): Promise<{ readonly first: number; readonly second: number }> {
  const first: number[] = [];
  const second: number[] = [];
  for (let n = 0; n < sessions; n += 1) {
    const headers = { "mcp-protocol-version": "2025-11-25", "x-subject": `round-${round}-user-${n}` };
    const opener = new Connection(home, headers);
    const connection = new Connection(other, headers);
    try {
      const caller = callerOf(connection, await openSession(opener));
      // The socket is not what is measured: it is opened by a request that leads nowhere.
      await connection.post("{}");
      for (const times of [first, second]) {
        const startedAt = performance.now();
        await caller.call();
        times.push(performance.now() - startedAt);
      }
    } finally {
      opener.close();
      connection.close();
    }
  }
  return { first: quantileOf(first, 0.5), second: quantileOf(second, 0.5) };
}

/** The metrics page of the built server, after somebody has used it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { valueOf } from "../clients/caller.ts";
import { eventually } from "../lib/eventually.ts";
import { removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";
import { documented, readPage } from "./table.ts";

/** What no short visit to a server on SQLite brings about, and why. */
const unseen: Readonly<Record<string, string>> = {
  "db.client.connection.count": "PostgreSQL has a pool",
  "db.client.connection.max": "PostgreSQL has a pool",
  "db.client.connection.pending_requests": "PostgreSQL has a pool",
  "holdfast.cache.lookups": "no cache stands before SQLite",
  "holdfast.store.breaker.open": "Redis has a breaker",
  "holdfast.update.conflicts": "one process does not conflict with itself",
  "holdfast.update.exhausted": "one process does not conflict with itself",
  "holdfast.update.turned_away": "nobody waits long",
  "holdfast.hint.lost": "none is",
  "holdfast.lease.wait.duration": "nobody waits",
  "holdfast.reaper.removed": "sweeps are a minute apart",
  "holdfast.reaper.closed": "sweeps are a minute apart",
  "holdfast.reaper.duration": "sweeps are a minute apart",
  "holdfast.stream.resumes": "no stream broke",
  "holdfast.stream.lag": "nothing was sent on a stream",
  "holdfast.disposables.closed": "no tool of this server makes one",
  "holdfast.limit.refused": "nothing was refused",
  "holdfast.memory.relieved": "there is room",
};

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.stop();
  await removeFolder(server.dir);
});

async function page(): Promise<ReturnType<typeof readPage>> {
  const answer = await fetch(new URL("/metrics", server.url));
  expect(answer.status).toBe(200);
  return readPage(await answer.text());
}

async function visit(): Promise<void> {
  for (const era of ["2025", "2026"] as const) {
    await using connection = await connect(server.url, era);
    const { session_id } = await valueOf(connection.call("create_session"));
    await valueOf(connection.call("set_preference", { session_id, key: "a", value: 1 }));
    await valueOf(connection.call("increment_counter", { session_id, name: "n" }));
    await connection.call("get_session_data", { session_id, key: "none" });
    await connection.call("no_such_tool_of_ours").catch(() => undefined);
    await valueOf(connection.call("end_session", { session_id }));
  }
  await fetch(server.url, {
    method: "POST",
    headers: {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-session-id": "nonsense",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
  });
}

describe("the page of metrics", () => {
  it("agrees with the table in docs/metrics.md, both ways", async () => {
    await visit();
    const table = await documented();
    const own = new Set([...table.flatMap(({ series }) => series), "target_info", "otel_scope_info"]);
    await eventually("a hint has come back", async () => (await page()).names.has("holdfast_hint_lag_count"));
    const { names } = await page();
    expect([...names].filter((name) => !own.has(name))).toEqual([]);
    const missing = table.filter(({ series }) => series.some((name) => !names.has(name)));
    expect(missing.map(({ name }) => name).filter((name) => unseen[name] === undefined)).toEqual([]);
  });

  it("counts what was done, and gives clients no say in its labels", async () => {
    const before = await page();
    await visit();
    const after = await page();
    const grown = (wanted: RegExp): number => total(after.values, wanted) - total(before.values, wanted);
    expect(grown(/^mcp_server_operation_duration_count\{.*tool_name="set_preference"/)).toBe(2);
    expect(grown(/^holdfast_tool_errors_total\{.*code="not_found".*\}/)).toBe(2);
    expect(grown(/^mcp_server_session_duration_count/)).toBe(2);
    expect(grown(/^holdfast_session_missed_total\{.*reason="malformed"/)).toBe(1);
    expect([...after.values.keys()].join("\n")).not.toContain("no_such_tool_of_ours");
  });

  it("does not grow with use", async () => {
    await visit();
    const before = (await page()).values.size;
    for (let times = 0; times < 3; times += 1) await visit();
    expect((await page()).values.size).toBe(before);
  });
});

function total(values: ReadonlyMap<string, number>, wanted: RegExp): number {
  return [...values].filter(([name]) => wanted.test(name)).reduce((sum, [, value]) => sum + value, 0);
}

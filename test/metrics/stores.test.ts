/** What only some stores have to tell. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { valueOf } from "../clients/caller.ts";
import { type DurableStore, openDurable } from "../lib/durable-stores.ts";
import { removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";
import { documented, readPage } from "./table.ts";

describe.each([
  ["postgres", "db_client_connection_count", "db_client_connection_max", "db_client_connection_pending_requests"],
  ["redis", "holdfast_store_breaker_open"],
])("on %s", (name, ...series) => {
  let store: DurableStore;
  let server: ServerProcess;
  beforeAll(async () => {
    store = await openDurable(name);
    server = await startServer({ store: store.url });
  });
  afterAll(async () => {
    await server.kill();
    await removeFolder(server.dir);
    await store[Symbol.asyncDispose]();
  });

  it("the page of metrics has what the store tells, and names it as the table does", async () => {
    {
      await using client = await connect(server.url, "2026");
      await valueOf(client.call("create_session"));
    }
    const { names, values } = readPage(await (await fetch(new URL("/metrics", server.url))).text());
    expect([...names]).toEqual(expect.arrayContaining(series));
    const own = new Set([...(await documented()).flatMap((metric) => metric.series), "target_info", "otel_scope_info"]);
    expect([...names].filter((each) => !own.has(each))).toEqual([]);
    const [system = name] = [...values.keys()].flatMap((line) => /db_system_name="([a-z]+)"/.exec(line)?.[1] ?? []);
    expect(system).toBe(name === "postgres" ? "postgresql" : name);
  });
});

import { describe, expect, it } from "vitest";

import { faultOf, valueOf } from "../clients/caller.ts";
import { toolBench } from "./tool-bench.ts";

const bench = toolBench();

describe("server_stats", () => {
  it("tells the local user about itself and the whole node", async () => {
    await bench.newSession();
    expect(await valueOf(bench.call("server_stats"))).toEqual({
      uptime_s: expect.any(Number),
      node: expect.stringMatching(/^node-[0-9a-f]{8}$/),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      store: "sqlite",
      durability: "host",
      era: "2026",
      own: { sessions: expect.any(Number), records: expect.any(Number), bytes: expect.any(Number) },
      calls: { in_flight: expect.any(Number), total: expect.any(Number) },
      memory: { rss: expect.any(Number), heap_used: expect.any(Number), heap_limit: expect.any(Number) },
      connections: expect.any(Number),
      sessions: expect.any(Number),
      warm: expect.any(Number),
      conflicts: expect.any(Number),
      retries: expect.any(Number),
      cache: { hits: expect.any(Number), misses: expect.any(Number) },
      locks: 0,
      streams: expect.any(Number),
    });
  });

  it("counts what is there", async () => {
    const own = async (): Promise<Record<string, number>> => {
      const stats = await valueOf(bench.call("server_stats"));
      // The test above holds its shape.
      return stats["own"] as Record<string, number>;
    };
    const before = await own();
    const session_id = await bench.newSession();
    await valueOf(bench.call("set_session_data", { session_id, key: "k", value: "x".repeat(1_000) }));
    const after = await own();
    expect([
      Number(after["sessions"]) - Number(before["sessions"]),
      Number(after["records"]) - Number(before["records"]),
    ]).toEqual([1, 1]);
    expect(Number(after["bytes"]) - Number(before["bytes"])).toBeGreaterThanOrEqual(1_000);
  });
});

describe("get_server_config", () => {
  it("shows the settings in effect", async () => {
    expect(await valueOf(bench.call("get_server_config"))).toMatchObject({
      host: "127.0.0.1",
      port: 0,
      path: "/mcp",
      auth: "none",
      max_sessions: 1_000,
      session_idle: "1d",
      store: `sqlite:${bench.server.dir}/state.db`,
    });
  });

  it("refuses arguments, like every tool without any", async () => {
    for (const tool of ["get_server_config", "server_stats"]) {
      expect(await faultOf(bench.call(tool, { secret: true }))).toMatchObject({ code: "invalid_argument" });
    }
  });
});

describe("all tools", () => {
  it("are described for models, with titles, hints and closed schemas", async () => {
    const { tools } = await bench.client.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      "create_session",
      "record_action",
      "get_context",
      "set_preference",
      "increment_counter",
      "set_session_data",
      "get_session_data",
      "delete_session_data",
      "list_session_keys",
      "store_sensitive_data",
      "retrieve_sensitive_data",
      "list_sessions",
      "clear_session",
      "end_session",
      "start_workflow",
      "complete_step",
      "advance_phase",
      "record_error",
      "resolve_error",
      "get_workflow_state",
      "get_workflow_history",
      "acquire_lock",
      "renew_lock",
      "release_lock",
      "join_channel",
      "leave_channel",
      "broadcast",
      "read_channel",
      "server_stats",
      "get_server_config",
    ]);
    for (const tool of tools) {
      expect(tool.title, tool.name).toBeTruthy();
      expect(tool.description?.length, tool.name).toBeGreaterThan(40);
      expect(tool.annotations, tool.name).toMatchObject({ readOnlyHint: expect.any(Boolean), openWorldHint: false });
      expect(tool.inputSchema, tool.name).toMatchObject({ type: "object", additionalProperties: false });
      for (const [name, schema] of Object.entries(tool.inputSchema.properties ?? {})) {
        expect(schema, `${tool.name}.${name}`).toHaveProperty("description");
      }
    }
  });

  it("name what is wrong with an argument, and where", async () => {
    const { message } = await faultOf(bench.call("get_context", { max_turns: 99, colour: "red" }));
    expect(message).toMatch(/max_turns/);
    expect(message).toMatch(/colour/);
  });

  it("say how to get a session_id where a connection has none", async () => {
    for (const tool of ["get_context", "list_session_keys", "end_session"]) {
      const fault = await faultOf(bench.call(tool));
      expect(fault, tool).toMatchObject({ code: "invalid_argument", retryable: false });
      expect(fault.message, tool).toMatch(/session_id.*create_session/s);
    }
  });
});

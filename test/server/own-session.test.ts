/** What a 2025-era connection has that a 2026-07-28 one has not: a session of its own. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { faultOf, textOf, valueOf } from "../clients/caller.ts";
import { poll, removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { connect, openRawSession, post, toolCall } from "./connect.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server.kill();
  await removeFolder(server.dir);
});

describe("a 2025-era connection", () => {
  it("needs no session_id: it has a session of its own, which is an ordinary one", async () => {
    await using client = await connect(server.url, "2025");
    const session_id = textOf(await valueOf(client.call("increment_counter", { name: "n" })), "session_id");
    expect(client.wireSession()?.startsWith(`${session_id}.`)).toBe(true);
    expect(await valueOf(client.call("increment_counter", { name: "n", session_id }))).toMatchObject({
      session_id,
      value: 2,
    });
    expect(await valueOf(client.call("set_session_data", { key: "k", value: 1 }))).toMatchObject({ session_id });
    const { sessions } = await valueOf(client.call("list_sessions"));
    expect(sessions).toContainEqual(expect.objectContaining({ session_id, label: null }));
    await using modern = await connect(server.url, "2026");
    expect(await valueOf(modern.call("get_context", { session_id }))).toMatchObject({ counters: { n: 2 } });
  });

  it("gets a new session from create_session all the same", async () => {
    await using client = await connect(server.url, "2025");
    const own = textOf(await valueOf(client.call("list_session_keys")), "session_id");
    const made = textOf(await valueOf(client.call("create_session", { label: "other" })), "session_id");
    expect(made).not.toBe(own);
    await valueOf(client.call("set_session_data", { session_id: made, key: "k", value: 1 }));
    expect(await valueOf(client.call("list_session_keys"))).toEqual({ session_id: own, keys: [] });
  });

  it("records its tool calls as turns, failed ones too, oldest first", async () => {
    await using client = await connect(server.url, "2025");
    await valueOf(client.call("set_session_data", { key: "long", value: "x".repeat(1_000) }));
    await faultOf(client.call("get_session_data", { key: "missing" }));
    await faultOf(client.call("get_context", { max_turns: 99 }));
    const turns = await poll(async () => {
      const { recent_turns } = await valueOf(client.call("get_context"));
      return Array.isArray(recent_turns) && recent_turns.length >= 3 ? recent_turns : undefined;
    }, "three turns");
    expect(turns.slice(0, 3)).toEqual([
      turn("set_session_data", { key: "long", value: "x".repeat(1_000) }, true),
      turn("get_session_data", { key: "missing" }, false),
      turn("get_context", { max_turns: 99 }, false),
    ]);
    for (const { output_preview } of turns) expect(output_preview.length).toBeLessThanOrEqual(200);
  });

  it.each(["auto", "json", "sse"])(
    "ends its own session with an answer first and 404 afterwards (--response %s)",
    async (response) => {
      await using other = await startServer({ args: ["--response", response] });
      const named = await openRawSession(other.url);
      const ended = await post(other.url, toolCall("end_session"), named);
      expect(ended.status).toBe(200);
      expect(ended.json).toMatchObject({ id: 1, result: { structuredContent: { ended: true } } });
      for (const body of [toolCall("list_session_keys"), { jsonrpc: "2.0", id: 2, method: "ping" }]) {
        const after = await post(other.url, body, named);
        expect([after.status, after.json]).toEqual([
          404,
          { jsonrpc: "2.0", error: { code: -32001, message: "Session not found" }, id: null },
        ]);
      }
      const gone = await fetch(other.url, { method: "DELETE", headers: named });
      expect(gone.status).toBe(404);
      await gone.body?.cancel();
      await other.stop();
      await removeFolder(other.dir);
    },
  );

  it("is told 404 as well when somebody else of the same user ends its session", async () => {
    await using client = await connect(server.url, "2025");
    const session_id = textOf(await valueOf(client.call("list_session_keys")), "session_id");
    await using modern = await connect(server.url, "2026");
    await valueOf(modern.call("end_session", { session_id }));
    await expect(client.call("list_session_keys")).rejects.toThrow(/404|not found/i);
  });

  it("leaves its session behind for nobody once it is deleted", async () => {
    const named = await openRawSession(server.url);
    const answer = await post(server.url, toolCall("list_session_keys"), named);
    const session_id = JSON.stringify(answer.json).match(/ses_[\w-]+/)?.[0];
    const deleted = await fetch(server.url, { method: "DELETE", headers: named });
    expect(deleted.status).toBe(200);
    await deleted.body?.cancel();
    await using modern = await connect(server.url, "2026");
    expect(await faultOf(modern.call("get_context", { session_id }))).toMatchObject({ code: "not_found" });
  });
});

describe("a server without sessions (--stateless)", () => {
  it("issues no session id to 2025-era clients, whose tools then need a session_id", async () => {
    await using stateless = await startServer({ args: ["--stateless"] });
    await using client = await connect(stateless.url, "2025");
    expect(client.wireSession()).toBeUndefined();
    const fault = await faultOf(client.call("list_session_keys"));
    expect(fault).toMatchObject({ code: "invalid_argument", message: expect.stringContaining("create_session") });
    const session_id = textOf(await valueOf(client.call("create_session")), "session_id");
    expect(await valueOf(client.call("list_session_keys", { session_id }))).toEqual({ session_id, keys: [] });
    await stateless.stop();
    await removeFolder(stateless.dir);
  });
});

describe("a server that records no turns (--no-record-turns)", () => {
  it("shows none", async () => {
    await using quiet = await startServer({ args: ["--no-record-turns"] });
    await using client = await connect(quiet.url, "2025");
    for (let n = 0; n < 5; n++) await valueOf(client.call("increment_counter", { name: "n" }));
    // Stopping writes whatever turns there were.
    await quiet.stop();
    await using again = await startServer({ dir: quiet.dir, store: `sqlite:${quiet.dir}/state.db` });
    await using modern = await connect(again.url, "2026");
    const { sessions } = await valueOf(modern.call("list_sessions"));
    const [session] = Array.isArray(sessions) ? sessions : [];
    expect(await valueOf(modern.call("get_context", { session_id: session.session_id }))).toMatchObject({
      counters: { n: 5 },
      recent_turns: [],
    });
    await again.stop();
    await removeFolder(quiet.dir);
  });
});

function turn(tool: string, input: unknown, ok: boolean): unknown {
  return {
    tool,
    input,
    output_preview: expect.any(String),
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    duration_ms: expect.any(Number),
    ok,
  };
}

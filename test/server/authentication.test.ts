import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { faultOf, textOf, valueOf } from "../clients/caller.ts";
import { removeFolder, runServer, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { connect, openRawSession, post, toolCall } from "./connect.ts";

const tokens = {
  "alice-cli-0123456789": { subject: "alice", clientId: "cli" },
  "alice-web-0123456789": { subject: "alice", clientId: "web" },
  "bob-0123456789abcdef": { subject: "bob", clientId: "cli" },
  "alice-new-0123456789": { subject: "alice", clientId: "cli" },
  "root-0123456789abcde": { subject: "root", scopes: ["admin"] },
} as const;
const [alice, aliceElsewhere, bob, aliceRefreshed, root] = Object.keys(tokens);

let dir: string;
let file: string;
let server: ServerProcess;

beforeAll(async () => {
  dir = await temporaryFolder();
  file = join(dir, "tokens.json");
  await writeFile(file, JSON.stringify(tokens), { mode: 0o600 });
  server = await startServer({ dir, args: ["--auth-tokens", file] });
});

afterAll(async () => {
  await server.kill();
  await removeFolder(dir);
});

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

describe("a server with tokens", () => {
  it("asks for one where none is sent, on every method and for both eras", async () => {
    const unnamed = await post(server.url, ping);
    expect([unnamed.status, unnamed.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="holdfast"']);
    const modern = await post(server.url, ping, { "mcp-protocol-version": "2026-07-28" });
    expect(modern.status).toBe(401);
    for (const method of ["GET", "DELETE"]) {
      const answer = await fetch(server.url, { method, headers: { accept: "text/event-stream" } });
      expect([method, answer.status]).toEqual([method, 401]);
      await answer.body?.cancel();
    }
  });

  it("says of a wrong one that it is not valid, and repeats nothing of it", async () => {
    for (const authorization of [
      "Bearer wrong",
      `Bearer ${alice}x`,
      `Basic ${alice}`,
      "Bearer",
      "Bearer constructor",
    ]) {
      const answer = await post(server.url, ping, { authorization });
      expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([
        401,
        'Bearer realm="holdfast", error="invalid_token"',
      ]);
      expect(answer.text).not.toContain("wrong");
    }
  });

  it("answers probes without one", async () => {
    for (const path of ["/healthz", "/readyz"]) {
      const answer = await fetch(server.origin + path);
      expect(answer.status).toBe(200);
      await answer.body?.cancel();
    }
  });

  it.each(["2025", "2026"] as const)("keeps what is one user's from another (%s)", async (era) => {
    await using one = await connect(server.url, era, alice);
    await using other = await connect(server.url, era, bob);
    const session_id = textOf(await valueOf(one.call("create_session", { label: "alice's" })), "session_id");
    const unknown = "ses_AAAAAAAAAAAAAAAAAAAAAA";
    for (const [tool, args] of [
      ["get_context", {}],
      ["record_action", { action: "a" }],
      ["set_preference", { key: "k", value: 1 }],
      ["increment_counter", { name: "n" }],
      ["set_session_data", { key: "k", value: 1 }],
      ["get_session_data", { key: "k" }],
      ["delete_session_data", { key: "k" }],
      ["list_session_keys", {}],
      ["clear_session", {}],
      ["end_session", {}],
    ] as const) {
      const foreign = await faultOf(other.call(tool, { session_id, ...args }));
      expect(foreign, tool).toEqual(await faultOf(other.call(tool, { session_id: unknown, ...args })));
      expect(foreign.code, tool).toBe("not_found");
    }
    const { sessions } = await valueOf(other.call("list_sessions", { limit: 100 }));
    expect(JSON.stringify(sessions)).not.toContain(session_id);
    expect(await valueOf(one.call("get_context", { session_id }))).toMatchObject({
      total_events: 0,
      counters: {},
      preferences: {},
    });
  });

  it("shows a user the same state on another device", async () => {
    await using one = await connect(server.url, "2026", alice);
    await using other = await connect(server.url, "2025", aliceElsewhere);
    const session_id = textOf(await valueOf(one.call("create_session")), "session_id");
    expect(await valueOf(other.call("increment_counter", { session_id, name: "n" }))).toMatchObject({ value: 1 });
  });

  it("binds a wire session to the client that opened it", async () => {
    const named = await openRawSession(server.url, { authorization: `Bearer ${alice}` });
    const absent = { ...named, "mcp-session-id": `ses_${"A".repeat(22)}.${"B".repeat(43)}` };
    const unknown = await post(server.url, toolCall("list_session_keys"), absent);
    expect(unknown.status).toBe(404);
    for (const token of [bob, aliceElsewhere]) {
      const stolen = { ...named, authorization: `Bearer ${token}` };
      const answer = await post(server.url, toolCall("end_session"), stolen);
      expect([answer.status, answer.text]).toEqual([404, unknown.text]);
      const deleted = await fetch(server.url, { method: "DELETE", headers: stolen });
      expect([deleted.status, await deleted.text()]).toEqual([404, unknown.text]);
    }
    expect((await post(server.url, toolCall("list_session_keys"), named)).status).toBe(200);
    // A token that takes the old one's place is the same client's.
    const refreshed = { ...named, authorization: `Bearer ${aliceRefreshed}` };
    expect((await post(server.url, toolCall("list_session_keys"), refreshed)).status).toBe(200);
  });

  it("tells the settings and the node's inside to admins only", async () => {
    await using one = await connect(server.url, "2026", alice);
    expect(await faultOf(one.call("get_server_config"))).toMatchObject({ code: "forbidden", retryable: false });
    expect(Object.keys(await valueOf(one.call("server_stats"))).sort()).toEqual(
      ["calls", "durability", "era", "node", "own", "store", "uptime_s", "version"].sort(),
    );
    await using admin = await connect(server.url, "2026", root);
    const settings = await valueOf(admin.call("get_server_config"));
    expect(settings).toMatchObject({ auth: "tokens", auth_tokens: file });
    for (const token of Object.keys(tokens)) expect(JSON.stringify(settings)).not.toContain(token);
    expect(await valueOf(admin.call("server_stats"))).toHaveProperty("memory.rss");
  });

  it("never writes a token or an id to its log", async () => {
    await using loud = await startServer({ args: ["--auth-tokens", file, "--log-level", "trace"] });
    await using client = await connect(loud.url, "2025", alice);
    const session_id = textOf(await valueOf(client.call("list_session_keys")), "session_id");
    await faultOf(client.call("get_context", { session_id: "ses_AAAAAAAAAAAAAAAAAAAAAA" }));
    await loud.stop();
    for (const secret of [...Object.keys(tokens), session_id]) expect(loud.stderr()).not.toContain(secret);
    await removeFolder(loud.dir);
  });
});

describe("a door to the network", () => {
  it.each(["0.0.0.0", "::", "203.0.113.7"])("on %s is refused without tokens", async (host) => {
    const run = await runServer({ args: ["serve", "--host", host, "--port", "0", "--store", "memory:"] });
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(`refusing to listen on ${host} without authentication`);
    expect(run.stderr).toContain("--auth-tokens");
  });

  it("opens with tokens, to any host name", async () => {
    await using open = await startServer({ args: ["--host", "0.0.0.0", "--auth-tokens", file] });
    const url = `http://127.0.0.1:${open.port}/mcp`;
    const named = { authorization: `Bearer ${alice}` };
    expect((await post(url, ping, named)).status).not.toBe(403);
    await using client = await connect(url, "2026", alice);
    await valueOf(client.call("create_session"));
    await open.stop();
    await removeFolder(open.dir);
  });
});

describe("a token file", () => {
  it.each([
    ["is missing", undefined, /cannot be read: there is no such file; make one/],
    ["is not JSON", "{ oops", /is not valid JSON/],
    ["names nobody", "{}", /names no token/],
    [
      "has a misspelt field",
      '{"t-0123456789":{"subjct":"a"}}',
      /entry 1 has an unknown field "subjct"; did you mean "subject"\?/,
    ],
  ])("that %s stops the start with the reason", async (_, content, reason) => {
    const path = join(dir, "broken.json");
    if (content === undefined) await writeFile(path, "").then(() => removeFolder(path));
    else await writeFile(path, content);
    const run = await runServer({ args: ["serve", "--port", "0", "--store", "memory:", "--auth-tokens", path] });
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(reason);
    expect(run.stderr).not.toContain("t-0123456789");
  });

  it("that others can read is warned of", async () => {
    const path = join(dir, "open.json");
    await writeFile(path, JSON.stringify({ "t-0123456789abcdef": { subject: "a" } }));
    await chmod(path, 0o644);
    await using open = await startServer({ args: ["--auth-tokens", path], store: "memory:" });
    expect(open.stderr()).toMatch(/warning: others on this machine can read .*open\.json: chmod 600 it/);
    await open.stop();
  });
});

/** Every limit that has a flag takes effect where it should, and leaves everything else alone. */
import { writeFile } from "node:fs/promises";
import { connect as connectSocket, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";

import { type Answer, faultOf, textOf, valueOf } from "../clients/caller.ts";
import { poll, removeFolder, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { type Connection, connect, openRawSession, post, toolCall } from "./connect.ts";

const servers: ServerProcess[] = [];
const clients: Connection[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client[Symbol.asyncDispose]()));
  for (const server of servers.splice(0)) {
    await server.kill();
    await removeFolder(server.dir);
  }
});

async function start(...args: readonly string[]): Promise<ServerProcess> {
  const server = await startServer({ args });
  servers.push(server);
  return server;
}

async function client(...args: readonly string[]): Promise<Connection> {
  const made = await connect((await start(...args)).url, "2026");
  clients.push(made);
  return made;
}

async function session(of: Connection): Promise<string> {
  return textOf(await valueOf(of.call("create_session")), "session_id");
}

describe("the limit on", () => {
  it("sessions is exact under parallel creation, and ending one makes room", async () => {
    const one = await client("--max-sessions", "3");
    const answers = await Promise.all(Array.from({ length: 10 }, () => one.call("create_session")));
    const made = answers.flatMap((answer) => (answer.ok ? [textOf(answer.value, "session_id")] : []));
    expect(made).toHaveLength(3);
    expect(await faultOf(one.call("create_session"))).toMatchObject({ code: "quota_exceeded" });
    for (const session_id of made) {
      expect(await valueOf(one.call("increment_counter", { session_id, name: "n" }))).toMatchObject({ value: 1 });
    }
    await valueOf(one.call("end_session", { session_id: made[0] }));
    await session(one);
  });

  it("sessions holds for the sessions of connections too, and refuses a new one with 429", async () => {
    const server = await start("--max-sessions", "2");
    await openRawSession(server.url);
    await openRawSession(server.url);
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } };
    const refused = await post(server.url, { jsonrpc: "2.0", id: 0, method: "initialize", params });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("mcp-session-id")).toBeNull();
  });

  it("records", async () => {
    const one = await client("--max-records", "2");
    await session(one);
    await session(one);
    expect(await faultOf(one.call("create_session"))).toMatchObject({ code: "quota_exceeded" });
  });

  it("all data of one principal", async () => {
    const one = await client("--max-bytes", "8KiB");
    const session_id = await session(one);
    await valueOf(one.call("set_session_data", { session_id, key: "a", value: "x".repeat(6_000) }));
    expect(
      await faultOf(one.call("record_action", { session_id, action: "b", details: "x".repeat(4_000) })),
    ).toMatchObject({ code: "quota_exceeded" });
    expect(await valueOf(one.call("delete_session_data", { session_id, key: "a" }))).toMatchObject({ deleted: true });
    await valueOf(one.call("record_action", { session_id, action: "b", details: "x".repeat(4_000) }));
  });

  it("a session's document", async () => {
    const one = await client("--max-document", "2KiB");
    const session_id = await session(one);
    await valueOf(one.call("set_session_data", { session_id, key: "a", value: "x".repeat(1_000) }));
    expect(
      await faultOf(one.call("set_session_data", { session_id, key: "b", value: "x".repeat(1_500) })),
    ).toMatchObject({ code: "invalid_argument" });
  });

  it("one action", async () => {
    const one = await client("--max-event", "1KiB");
    const session_id = await session(one);
    await valueOf(one.call("record_action", { session_id, action: "a", details: "x".repeat(500) }));
    expect(
      await faultOf(one.call("record_action", { session_id, action: "a", details: "x".repeat(1_500) })),
    ).toMatchObject({ code: "invalid_argument" });
    expect(await valueOf(one.call("get_context", { session_id }))).toMatchObject({ total_events: 1 });
  });

  it("actions kept, while the total goes on counting", async () => {
    const one = await client("--max-actions", "3");
    const session_id = await session(one);
    for (let n = 1; n <= 5; n++) await valueOf(one.call("record_action", { session_id, action: `a${n}` }));
    const context = await valueOf(one.call("get_context", { session_id }));
    expect(context).toMatchObject({
      total_events: 5,
      recent_events: [{ position: 3 }, { position: 4 }, { position: 5 }],
    });
  });

  it("messages kept of a channel", async () => {
    const one = await client("--max-channel-messages", "3");
    const session_id = await session(one);
    await valueOf(one.call("join_channel", { channel: "c", session_id }));
    for (let n = 1; n <= 5; n++) await valueOf(one.call("broadcast", { channel: "c", message: n, session_id }));
    expect(await valueOf(one.call("read_channel", { channel: "c" }))).toMatchObject({
      messages: [{ position: 3 }, { position: 4 }, { position: 5 }],
    });
  });

  it("events kept of a workflow, whose state stays what all of them came to", async () => {
    const one = await client("--max-workflow-events", "5");
    const { workflow_id } = await valueOf(one.call("start_workflow", { name: "long" }));
    for (let n = 2; n <= 250; n++) await valueOf(one.call("advance_phase", { workflow_id, phase: `p${n}` }));
    expect(await valueOf(one.call("get_workflow_state", { workflow_id }))).toMatchObject({
      name: "long",
      phase: "p250",
      position: 250,
    });
    const { events } = await valueOf(one.call("get_workflow_history", { workflow_id, limit: 500 }));
    const positions = (events as readonly { readonly position: number }[]).map(({ position }) => position);
    // Events go with a snapshot, of which there is one in a hundred events.
    expect(positions.length).toBeLessThanOrEqual(105);
    expect(positions.at(-1)).toBe(250);
    expect(positions).toEqual(positions.map((_, at) => 250 - positions.length + 1 + at));
    const [first = 0] = positions;
    expect(first).toBeGreaterThan(2);
    expect(await faultOf(one.call("get_workflow_state", { workflow_id, at_position: 1 }))).toMatchObject({
      code: "invalid_argument",
    });
    expect(await faultOf(one.call("get_workflow_history", { workflow_id, after: 1 }))).toMatchObject({
      code: "invalid_argument",
    });
    expect(await valueOf(one.call("get_workflow_state", { workflow_id, at_position: first }))).toMatchObject({
      phase: `p${first}`,
    });
  });

  it("turns kept", async () => {
    const server = await start("--max-turns", "2");
    const one = await connect(server.url, "2025");
    clients.push(one);
    for (const name of ["a", "b", "c"]) await valueOf(one.call("increment_counter", { name }));
    const turns = await poll(async () => {
      const { recent_turns } = await valueOf(one.call("get_context"));
      return Array.isArray(recent_turns) && recent_turns.at(-1)?.tool === "get_context" ? recent_turns : undefined;
    }, "turns");
    expect(turns.length).toBeLessThanOrEqual(2);
  });

  it("request bodies", async () => {
    const { url } = await start("--max-body", "4KiB");
    const answer = await post(url, toolCall("create_session", { metadata: "x".repeat(5_000) }));
    expect(answer.status).toBe(413);
  });

  it("a session's idle time", async () => {
    const one = await client("--session-idle", "1s");
    const session_id = await session(one);
    expect(await valueOf(one.call("get_context", { session_id }))).toMatchObject({ session_id });
    await poll(async () => {
      const { sessions } = await valueOf(one.call("list_sessions"));
      return Array.isArray(sessions) && sessions.length === 0 ? true : undefined;
    }, "the session's expiry");
    expect(await faultOf(one.call("get_context", { session_id }))).toMatchObject({ code: "not_found" });
  });

  it("a session's whole life, whatever happens in it", async () => {
    const one = await client("--session-idle", "1s", "--session-absolute", "2s");
    const session_id = await session(one);
    const began = Date.now();
    await poll(
      async () => ((await one.call("increment_counter", { session_id, name: "n" })).ok ? undefined : true),
      "the session's end",
    );
    expect(Date.now() - began).toBeGreaterThan(1_500);
  });

  it("streams of one principal", async () => {
    const server = await start("--max-streams-per-principal", "1");
    const open = async (): Promise<Response> => {
      const named = await openRawSession(server.url);
      return fetch(server.url, { headers: { ...named, accept: "text/event-stream" } });
    };
    const first = await open();
    expect(first.status).toBe(200);
    const second = await open();
    expect(second.status).toBe(429);
    await Promise.all([first.body?.cancel(), second.body?.cancel()]);
  });

  it("streams of the node", async () => {
    const server = await start("--max-streams", "1");
    const open = async (): Promise<Response> => {
      const named = await openRawSession(server.url);
      return fetch(server.url, { headers: { ...named, accept: "text/event-stream" } });
    };
    const first = await open();
    const second = await open();
    expect([first.status, second.status]).toEqual([200, 429]);
    await Promise.all([first.body?.cancel(), second.body?.cancel()]);
  });

  it("connections answers 503 to those beyond it, and probes still get through", async () => {
    const server = await start("--max-connections", "2");
    const sockets = await Promise.all([askAndStay(server), askAndStay(server)]);
    const refused = await post(server.url, { jsonrpc: "2.0", id: 1, method: "ping" }, { connection: "close" }).catch(
      () => undefined,
    );
    expect(refused?.status).toBe(503);
    const probe = await fetch(`${server.origin}/readyz`);
    expect(probe.status).toBe(200);
    await probe.body?.cancel();
    for (const socket of sockets) socket.destroy();
    await poll(
      async () =>
        (await post(server.url, { jsonrpc: "2.0", id: 1, method: "ping" })).status === 503 ? undefined : true,
      "room again",
    );
  });
});

const ping = { jsonrpc: "2.0", id: 1, method: "ping" } as const;

/** The whole of a refusal for haste, apart from how long to wait. */
async function slowed(url: string, headers: Readonly<Record<string, string>>, whose: string): Promise<number> {
  const answer = await post(url, ping, headers);
  expect([answer.status, answer.json]).toEqual([
    429,
    {
      jsonrpc: "2.0",
      error: { code: -32000, message: `Too Many Requests: ${whose} has made all the calls of its minute` },
      id: null,
    },
  ]);
  return Number(answer.headers.get("retry-after"));
}

describe("the calls of a minute", () => {
  it("of a principal are counted over all nodes, a batch as its messages, and nobody else pays for them", async () => {
    const dir = await temporaryFolder();
    const tokens = join(dir, "tokens.json");
    const named = (subject: string): object => ({ subject, clientId: "cli", scopes: [] });
    await writeFile(tokens, JSON.stringify({ alices: named("alice"), bobs: named("bob") }));
    const args = ["--auth-tokens", tokens, "--max-calls-per-minute", "30"];
    const first = await startServer({ args, dir });
    servers.push(first);
    const second = await startServer({ args, dir, store: `sqlite:${join(dir, "state.db")}` });
    servers.push(second);
    const alice = { authorization: "Bearer alices" };
    const session = await openRawSession(first.url, alice);
    const began = Date.now();
    const batch = Array.from({ length: 10 }, (_, id) => ({ jsonrpc: "2.0", id, method: "ping" }));
    expect((await post(first.url, batch, { ...session, "mcp-protocol-version": "2025-03-26" })).status).toBe(400);
    const spent = 2 + 10;
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => post(n % 2 === 0 ? first.url : second.url, ping, session)),
    );
    const through = answers.filter(({ status }) => status === 200).length;
    expect(answers.filter(({ status }) => status !== 200 && status !== 429)).toEqual([]);
    // A part is two calls; a node may have one of them left in hand.
    expect(through).toBeGreaterThanOrEqual(30 - spent - 2);
    expect(through).toBeLessThanOrEqual(30 - spent + Math.ceil((Date.now() - began) / 2_000));
    const wait = await slowed(first.url, session, "this principal");
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(wait).toBeLessThanOrEqual(60);
    await openRawSession(second.url, { authorization: "Bearer bobs" });
  });

  it("of a connection are counted for each session by itself", async () => {
    const server = await start("--max-calls-per-minute-per-connection", "5");
    const one = await openRawSession(server.url);
    // The session's first call here was `initialized`.
    for (let call = 0; call < 4; call += 1) expect((await post(server.url, ping, one)).status).toBe(200);
    expect(await slowed(server.url, one, "this connection")).toBeLessThanOrEqual(12);
    const other = await openRawSession(server.url, { connection: "close" });
    expect((await post(server.url, ping, other)).status).toBe(200);
  });

  it("that name other ids of no session, over and over, are guessing; one dead id is not", async () => {
    const server = await start("--max-missed-ids-per-minute", "3");
    const named = await openRawSession(server.url);
    const guess = (id: string): ReturnType<typeof post> =>
      post(server.url, ping, { ...named, "mcp-session-id": `ses_${id}.x` });
    for (const id of ["a", "b", "c", "a", "a", "b"]) expect((await guess(id)).status).toBe(404);
    const refused = await guess("d");
    expect([refused.status, refused.json]).toEqual([
      429,
      { jsonrpc: "2.0", error: { code: -32000, message: "Too many unknown session ids" }, id: null },
    ]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await guess("a")).status).toBe(404);
    expect((await post(server.url, ping, named)).status).toBe(200);
  });
});

describe("handles that lead nowhere, in tools,", () => {
  it("count as guesses with ids of no session; what the caller has goes on working, and a missing key is none", async () => {
    const server = await start("--max-missed-ids-per-minute", "3");
    const one = await connect(server.url, "2026");
    clients.push(one);
    const session_id = await session(one);
    const unknown = (n: number): Promise<Answer> =>
      one.call("get_context", { session_id: `ses_${n}${"A".repeat(21)}` });
    for (let n = 0; n < 10; n += 1) await faultOf(one.call("get_session_data", { session_id, key: `k${n}` }));
    for (const n of [1, 2, 1]) expect(await faultOf(unknown(n))).toMatchObject({ code: "not_found" });
    expect(await faultOf(one.call("get_workflow_state", { workflow_id: `wf_${"A".repeat(22)}` }))).toMatchObject({
      code: "not_found",
    });
    expect(await faultOf(unknown(3))).toMatchObject({
      code: "busy",
      retryable: true,
      message: expect.stringMatching(/^Too many handles that lead nowhere were tried\. .* wait \d+ seconds\.$/),
    });
    expect(await faultOf(unknown(1))).toMatchObject({ code: "not_found" });
    // Addresses of resources hold handles too, and those of tools are counted with them.
    const read = (id: string): Promise<unknown> =>
      one.client.readResource({ uri: `session://${id}` }).catch((error: unknown) => error);
    expect(await read(`ses_4${"A".repeat(21)}`)).toMatchObject({ data: { code: "busy", retryable: true } });
    expect(await read(`ses_1${"A".repeat(21)}`)).toMatchObject({ code: expect.any(Number) });
    expect(await read(`ses_1${"A".repeat(21)}`)).not.toMatchObject({ data: { code: "busy" } });
    expect(await read(session_id)).toMatchObject({ contents: [{ uri: `session://${session_id}` }] });
    expect(await valueOf(one.call("get_context", { session_id }))).toMatchObject({ session_id });
    const guessed = await post(server.url, ping, { "mcp-session-id": "ses_x.y", "mcp-protocol-version": "2025-11-25" });
    expect(guessed.status).toBe(429);
  });
});

/** A connection that made one MCP request and stays open. */
async function askAndStay(server: ServerProcess): Promise<Socket> {
  const socket = connectSocket(server.port, "127.0.0.1");
  const answered = new Promise((resolve) => socket.once("data", resolve));
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  socket.write(
    `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await answered;
  return socket;
}

/** An endpoint that is open to anybody: each handle is its own owner, and nobody gets anything of anybody (trap F22). */
import { join } from "node:path";
import { Client, SSEClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { answerOf, faultOf, textOf, valueOf } from "../clients/caller.ts";
import { removeFolder, runServer, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { type Connection, connect, type Era, openRawSession, post, toolCall } from "./connect.ts";

let dir: string;
let server: ServerProcess;
/** A second node on the same file. */
let other: ServerProcess;

beforeAll(async () => {
  dir = await temporaryFolder();
  const args = ["--public-anonymous", "--host", "0.0.0.0", "--sse"];
  server = await startServer({ dir, args });
  other = await startServer({ dir, args });
});
afterAll(async () => {
  await server.kill();
  await other.kill();
  await removeFolder(dir);
});

const local = (process: ServerProcess): string => process.url.replace("0.0.0.0", "127.0.0.1");
const stranger = (era: Era, at: ServerProcess = server): Promise<Connection> => connect(local(at), era);

it("is what the flag says, and nothing else opens the door", async () => {
  expect(server.stderr()).toContain("each handle is its own owner");
  const store = `sqlite:${join(dir, "other.db")}`;
  const refused = await runServer({ args: ["serve", "--host", "0.0.0.0", "--store", store], cwd: dir });
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain("--public-anonymous");
  const contradicting = ["serve", "--public-anonymous", "--auth-tokens", "tokens.json", "--store", store];
  expect((await runServer({ args: contradicting, cwd: dir })).stderr).toContain("contradict each other");
});

describe.each(["2025", "2026"] as const)("an anonymous caller, %s", (era) => {
  it("has what it knows the handle of, on every node, and nobody else's", async () => {
    await using first = await stranger(era);
    await using second = await stranger(era, other);
    const session_id = textOf(await valueOf(first.call("create_session", { label: "mine" })), "session_id");
    const workflow_id = textOf(await valueOf(first.call("start_workflow", { name: "n" })), "workflow_id");
    await valueOf(first.call("set_session_data", { session_id, key: "k", value: "marker" }));
    await valueOf(first.call("increment_counter", { session_id, name: "n", idempotency_key: "one" }));
    await valueOf(first.call("store_sensitive_data", { session_id, key: "k", value: "secret" }));
    // A handle is a capability: whoever was given it has what it names.
    expect(await valueOf(second.call("get_session_data", { session_id, key: "k" }))).toMatchObject({ value: "marker" });
    expect(await valueOf(second.call("retrieve_sensitive_data", { session_id, key: "k" }))).toMatchObject({
      value: "secret",
    });
    expect(await valueOf(second.call("complete_step", { workflow_id, step_id: "s" }))).toMatchObject({ position: 2 });
    expect(await valueOf(second.call("increment_counter", { session_id, name: "n", idempotency_key: "one" }))).toEqual({
      session_id,
      name: "n",
      value: 1,
    });
    // Whoever was not is told what anybody is told of what never was.
    const never = `${session_id.slice(0, -4)}AAAA`;
    expect(await faultOf(second.call("get_context", { session_id: never }))).toMatchObject({ code: "not_found" });
    expect(await faultOf(second.call("get_context", { session_id: "x" }))).toMatchObject({ code: "not_found" });
    await valueOf(second.call("end_session", { session_id }));
    await expect
      .poll(() => first.call("get_context", { session_id }))
      .toMatchObject({ ok: false, fault: { code: "not_found" } });
  });

  it("is handed out no list, and shares no name", async () => {
    await using first = await stranger(era);
    await using second = await stranger(era, other);
    await valueOf(first.call("create_session", { label: "mine" }));
    const refusals: [string, Record<string, unknown>][] = [
      ["list_sessions", {}],
      ["acquire_lock", { name: "shared" }],
      ["renew_lock", { name: "shared", token: 1 }],
      ["release_lock", { name: "shared", token: 1 }],
      ["read_channel", { channel: "shared" }],
      ["get_server_config", {}],
    ];
    for (const [tool, args] of refusals) {
      expect(await faultOf(second.call(tool, args)), tool).toMatchObject({ code: "forbidden" });
    }
    const { session_id } = await valueOf(first.call("create_session"));
    for (const tool of ["join_channel", "leave_channel", "broadcast"]) {
      const args = { channel: "shared", session_id, ...(tool === "broadcast" && { message: 1 }) };
      expect(await faultOf(first.call(tool, args)), tool).toMatchObject({ code: "forbidden" });
    }
    expect((await second.client.listResources()).resources).toEqual([]);
    const stats = await valueOf(second.call("server_stats"));
    expect(stats["own"]).toMatchObject({ sessions: era === "2025" ? 1 : 0 });
    expect(stats).not.toHaveProperty("memory");
  });
});

it("keeps the sessions of 2025-era clients apart, whichever node answers", async () => {
  const [mine, theirs] = [await openRawSession(local(server)), await openRawSession(local(server))];
  const url = local(other);
  const set = toolCall("set_session_data", { key: "k", value: "mine" });
  expect((await post(url, set, mine)).json).toMatchObject({ result: { structuredContent: { value: "mine" } } });
  expect((await post(url, toolCall("get_session_data", { key: "k" }), theirs)).json).toMatchObject({
    result: { isError: true, structuredContent: { error: { code: "not_found" } } },
  });
  // The handle without the secret is no session, and neither is it with another one's secret.
  const [handle] = (mine["mcp-session-id"] ?? "").split(".");
  const [, secret] = (theirs["mcp-session-id"] ?? "").split(".");
  const forged = await post(url, set, { ...mine, "mcp-session-id": `${handle}.${secret}` });
  const never = await post(url, set, { ...mine, "mcp-session-id": `ses_${"A".repeat(22)}.${secret}` });
  expect([forged.status, forged.text]).toEqual([404, never.text]);
  // Nobody's session is entered by beginning another one under its id.
  const initialize = {
    jsonrpc: "2.0",
    id: 0,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } },
  };
  const begun = await post(url, initialize, { "mcp-session-id": mine["mcp-session-id"] ?? "" });
  if (begun.status === 200) expect(begun.headers.get("mcp-session-id")).not.toBe(mine["mcp-session-id"]);
  expect((await post(url, toolCall("get_session_data", { key: "k" }), mine)).json).toMatchObject({
    result: { structuredContent: { value: "mine" } },
  });
});

it("keeps clients of the HTTP+SSE transport apart as well", async () => {
  const open = async (): Promise<Client> => {
    const client = new Client({ name: "sse", version: "1" }, { versionNegotiation: { mode: "legacy" } });
    await client.connect(new SSEClientTransport(new URL("/sse", local(server))));
    return client;
  };
  const [mine, theirs] = [await open(), await open()];
  const set = { name: "set_session_data", arguments: { key: "k", value: "mine" } };
  expect(answerOf(await mine.callTool(set))).toMatchObject({ ok: true });
  const get = { name: "get_session_data", arguments: { key: "k" } };
  expect(answerOf(await mine.callTool(get))).toMatchObject({ ok: true, value: { value: "mine" } });
  expect(answerOf(await theirs.callTool(get))).toMatchObject({ ok: false, fault: { code: "not_found" } });
  await Promise.all([mine.close(), theirs.close()]);
});

it("counts the misses of an address, however many ids it tries", async () => {
  const statuses = new Set<number>();
  for (let n = 0; n < 62; n++) {
    const id = `ses_${String(n).padStart(22, "A")}.${"A".repeat(43)}`;
    const headers = { "mcp-session-id": id, "mcp-protocol-version": "2025-11-25" };
    statuses.add((await post(local(server), toolCall("server_stats"), headers)).status);
  }
  expect([...statuses]).toEqual([404, 429]);
});

it("counts the handles that an address tries in vain in tools, in either era, and leaves alone who has one", async () => {
  const process = await startServer({ args: ["--public-anonymous", "--max-missed-ids-per-minute", "3"] });
  try {
    await using modern = await connect(process.url, "2026");
    await using older = await connect(process.url, "2025");
    const unknown = (of: Connection, n: number): Promise<unknown> =>
      faultOf(of.call("get_context", { session_id: `ses_${n}${"A".repeat(21)}` }));
    const session_id = textOf(await valueOf(modern.call("create_session")), "session_id");
    for (const n of [1, 2, 1]) expect(await unknown(modern, n)).toMatchObject({ code: "not_found" });
    expect(await unknown(older, 3)).toMatchObject({ code: "not_found" });
    for (const of of [modern, older]) expect(await unknown(of, 4)).toMatchObject({ code: "busy", retryable: true });
    expect(await unknown(older, 1)).toMatchObject({ code: "not_found" });
    expect(await valueOf(older.call("get_context", { session_id }))).toMatchObject({ session_id });
  } finally {
    await process.kill();
    await removeFolder(process.dir);
  }
});

it("keeps each handle in a partition of its own", async () => {
  const args = ["records", "--json", "--limit", "1000", "--store", `sqlite:${join(dir, "state.db")}`];
  const { records } = JSON.parse((await runServer({ args, cwd: dir })).stdout) as {
    readonly records: readonly { readonly kind: string; readonly owner: string; readonly id: string }[];
  };
  const owners = new Map<string, Set<string>>();
  for (const { kind, owner, id } of records) {
    if (kind !== "session" && kind !== "workflow") continue;
    owners.set(owner, (owners.get(owner) ?? new Set()).add(id));
  }
  expect(owners.size).toBeGreaterThan(6);
  for (const ids of owners.values()) expect(ids.size).toBe(1);
});

it("counts the streams of an address over all its sessions, eras and nodes", async () => {
  const gone = new AbortController();
  // Answers that nobody holds are collected, and their connections end with them.
  const answers: Response[] = [];
  const get = async (at: ServerProcess, path: string, headers: Readonly<Record<string, string>>): Promise<number> => {
    const accept = "text/event-stream";
    const answer = await fetch(new URL(path, local(at)), { headers: { ...headers, accept }, signal: gone.signal });
    answers.push(answer);
    return answer.status;
  };
  const sessions = await Promise.all(
    Array.from({ length: 40 }, (_, n) => openRawSession(local(n % 2 === 0 ? server : other))),
  );
  try {
    const ofSessions = await Promise.all(
      sessions.map((session, n) => get(n % 3 === 0 ? server : other, "/mcp", session)),
    );
    expect(ofSessions.filter((status) => status === 200)).toHaveLength(32);
    expect(ofSessions.filter((status) => status === 429)).toHaveLength(8);
    expect(await get(server, "/sse", {})).toBe(429);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(32);
  } finally {
    gone.abort();
  }
}, 60_000);

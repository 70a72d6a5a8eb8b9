/** One principal that keeps as much under way as it can: it is told to wait, the node lives, and everybody else is served. */
import { writeFile } from "node:fs/promises";
import { connect as connectSocket, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

import { poll, removeFolder, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { openRawSession, post, type RawAnswer, toolCall } from "./connect.ts";

const [alice, bob] = [{ authorization: "Bearer alice-s" }, { authorization: "Bearer bob-s" }];
const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
const crowded = {
  jsonrpc: "2.0",
  error: { code: -32000, message: "Too Many Requests: this principal has too much under way at this node" },
  id: null,
};
const sockets: Socket[] = [];
let server: ServerProcess;
let dir: string;

beforeEach(async () => {
  dir = await temporaryFolder();
  await writeFile(
    join(dir, "tokens.json"),
    JSON.stringify({ "alice-s": { subject: "alice", scopes: [] }, "bob-s": { subject: "bob", scopes: [] } }),
  );
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.kill();
  await removeFolder(dir);
});

async function start(...args: readonly string[]): Promise<string> {
  server = await startServer({ dir, store: "memory:", args: ["--auth-tokens", join(dir, "tokens.json"), ...args] });
  return server.url;
}

type Wire = { readonly write: (text: string) => void; readonly text: () => string; readonly close: () => void };

function open(): Wire {
  const socket = connectSocket(server.port, "127.0.0.1");
  sockets.push(socket);
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => (text += part));
  socket.on("error", () => undefined);
  return { write: (part) => socket.write(part), text: () => text, close: () => socket.destroy() };
}

function head(who: typeof alice, length: number, more: Readonly<Record<string, string>> = {}): string {
  const headers = {
    host: "localhost",
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    ...who,
    ...more,
    "content-length": `${length}`,
  };
  return `POST /mcp HTTP/1.1\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}\r\n`;
}

/** A call of the 2026-07-28 revision that waits for a lock that somebody has. */
function waiting(who: typeof alice): string {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { name: "acquire_lock", arguments: { name: "taken", wait_ms: 60_000 }, _meta };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  const named = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "acquire_lock" };
  return head(who, body.length, named) + body;
}

const until = (ask: () => Promise<RawAnswer>, status: number): Promise<RawAnswer> =>
  poll(async () => await ask().then((seen) => (seen.status === status ? seen : undefined)), `a ${status}`, 20_000);

it("answers 429 beyond the requests of a principal, and serves it again once they end", async () => {
  const url = await start("--max-requests-in-flight-per-principal", "20");
  const [own, others] = [await openRawSession(url, alice), await openRawSession(url, bob)];
  await post(url, toolCall("acquire_lock", { name: "taken", ttl_ms: 300_000 }), own);
  const wires = Array.from({ length: 25 }, () => open());
  for (const wire of wires) wire.write(waiting(alice));
  const refused = await until(() => post(url, ping, own), 429);
  expect([refused.json, refused.headers.get("retry-after"), refused.headers.get("connection")]).toEqual([
    crowded,
    "1",
    "keep-alive",
  ]);
  expect((await post(url, ping, others)).status).toBe(200);
  const last = await openRawSession(url, bob);
  expect((await fetch(url, { method: "DELETE", headers: last })).status).toBe(200);
  const ended = await fetch(url, { method: "DELETE", headers: own });
  expect(ended.status).toBe(200);
  for (const wire of wires) wire.close();
  await until(() => post(url, { ...ping, method: "nothing" }, alice), 400);
});

it("counts calls that outlive the requests they came by", async () => {
  // Their clients can come back for the streams, so they go on.
  const url = await start("--max-requests-in-flight-per-principal", "5", "--response", "sse");
  const [own, others] = [await openRawSession(url, alice), await openRawSession(url, bob)];
  await post(url, toolCall("acquire_lock", { name: "taken", ttl_ms: 300_000 }), own);
  const gone = new AbortController();
  const body = JSON.stringify(toolCall("acquire_lock", { name: "taken", wait_ms: 60_000 }));
  const headers = { ...own, accept: "application/json, text/event-stream", "content-type": "application/json" };
  const calls = Array.from({ length: 5 }, () => fetch(url, { method: "POST", headers, body, signal: gone.signal }));
  await until(() => post(url, ping, own), 429);
  gone.abort();
  await Promise.allSettled(calls);
  await until(() => post(url, ping, own), 200);
  expect((await post(url, toolCall("list_session_keys"), own)).json).toMatchObject({
    result: { isError: true, structuredContent: { error: { code: "busy", retryable: true } } },
  });
  expect((await post(url, toolCall("list_session_keys"), others)).json).toMatchObject({
    result: { structuredContent: { keys: [] } },
  });
});

it("holds so many bytes of bodies for a principal, however slowly they come", async () => {
  const url = await start("--max-body", "64KiB", "--max-bodies-in-flight", "160KiB");
  const [own, others] = [await openRawSession(url, alice), await openRawSession(url, bob)];
  const first = open();
  const text = JSON.stringify({ ...ping, params: { a: "x".repeat(50_000) } });
  first.write(head(alice, text.length, own) + text.slice(0, 40_000));
  const second = (): Promise<RawAnswer> => post(url, text, own);
  const refused = await until(second, 429);
  expect([refused.json, refused.headers.get("connection")]).toEqual([crowded, "close"]);
  expect((await post(url, text, others)).status).toBe(200);
  expect((await post(url, ping, own)).status).toBe(200);
  first.write(text.slice(40_000));
  await poll(() => (first.text().startsWith("HTTP/1.1 200") ? true : undefined), "the first one's answer", 20_000);
  await until(second, 200);
});

it("answers 503 beyond the requests of a node", async () => {
  const url = await start("--max-requests-in-flight", "10");
  const [own, others] = [await openRawSession(url, alice), await openRawSession(url, bob)];
  await post(url, toolCall("acquire_lock", { name: "taken", ttl_ms: 300_000 }), own);
  for (let n = 0; n < 10; n += 1) open().write(waiting(alice));
  const refused = await until(() => post(url, ping, others), 503);
  expect([refused.json, refused.headers.get("retry-after")]).toEqual([
    { jsonrpc: "2.0", error: { code: -32603, message: "Service unavailable" }, id: null },
    "1",
  ]);
});

/** Servers built with mcp-use 1.x, as two processes that a balancer chooses from. */
import { type McpUseStreamManager, sessionStore, streamManager } from "holdfast/adapters/mcp-use";
import { race } from "holdfast/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { poll } from "../lib/waiting.ts";
import { mcpUseServer } from "../tools/install.ts";
import { messagesUntil } from "./streams.ts";
import { openTwoNodes, type Shop, type TwoNodes } from "./two-nodes.ts";

/** What is used of `MCPServer`: the package is installed apart from this workspace, and its types with it. */
type Server = {
  tool(definition: { name: string; description: string }, run: () => Promise<unknown>): void;
  getHandler(): Promise<(request: Request) => Promise<Response>>;
  sendNotificationToSession(sessionId: string, method: string, params: unknown): Promise<boolean>;
  readonly sessions: ReadonlyMap<string, { readonly server: { readonly server: { listRoots(): Promise<unknown> } } }>;
};
type Node = {
  readonly server: Server;
  readonly streams: McpUseStreamManager;
  readonly handle: (request: Request) => Promise<Response>;
  readonly close: () => Promise<void>;
};

let MCPServer: new (config: object) => Server;
let nodes: TwoNodes;
let errors: unknown[];
let one: Node;
let other: Node;
beforeEach(async () => {
  vi.stubEnv("MCP_USE_ANONYMIZED_TELEMETRY", "false");
  // Otherwise it would build web pages.
  vi.stubEnv("NODE_ENV", "production");
  // It tells the console of every step.
  for (const level of ["log", "warn", "error"] as const) vi.spyOn(console, level).mockImplementation(() => undefined);
  ({ MCPServer } = (await import(await mcpUseServer())) as { MCPServer: typeof MCPServer });
  nodes = await openTwoNodes();
  errors = [];
  [one, other] = [await serveNode(nodes.one), await serveNode(nodes.other)];
});
afterEach(async () => {
  await Promise.all([one.close(), other.close()]);
  await nodes[Symbol.asyncDispose]();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  expect(errors).toEqual([]);
});

async function serveNode(hold: Shop): Promise<Node> {
  const streams = streamManager(hold, { onError: (error) => errors.push(error) });
  const sessions = sessionStore<object>(hold);
  // Its own sweep of idle sessions would outlive the test; those of the store expire by themselves.
  const config = { name: "shop", version: "1.0.0", sessionIdleTimeoutMs: 0 };
  const server = new MCPServer({ ...config, sessionStore: sessions, streamManager: streams });
  server.tool({ name: "hello", description: "Says hello." }, async () => ({
    content: [{ type: "text", text: "hello" }],
  }));
  const handle = await server.getHandler();
  await streams.ready();
  return { server, streams, handle, close: () => streams.close() };
}

const url = "http://127.0.0.1:3000/mcp";
const revision = "2025-11-25";

function post(node: Node, body: object, sessionId?: string): Promise<Response> {
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const request = { method: "POST", headers: { ...headers, ...session(sessionId) } };
  return node.handle(new Request(url, { ...request, body: JSON.stringify({ jsonrpc: "2.0", ...body }) }));
}

function session(sessionId: string | undefined): Record<string, string> {
  return sessionId === undefined ? {} : { "mcp-session-id": sessionId, "mcp-protocol-version": revision };
}

async function initialize(node: Node): Promise<string> {
  const params = { protocolVersion: revision, capabilities: { roots: {} }, clientInfo: { name: "raw", version: "1" } };
  const response = await post(node, { id: 0, method: "initialize", params });
  await response.text();
  const sessionId = response.headers.get("mcp-session-id") ?? "";
  await (await post(node, { method: "notifications/initialized" }, sessionId)).text();
  return sessionId;
}

function callHello(node: Node, sessionId: string): Promise<Response> {
  return post(node, { id: 1, method: "tools/call", params: { name: "hello", arguments: {} } }, sessionId);
}

function listen(node: Node, sessionId: string): Promise<Response> {
  const headers = { accept: "application/json, text/event-stream", ...session(sessionId) };
  return node.handle(new Request(url, { headers }));
}

it("goes on with a session that another process began, and ends it for all", async () => {
  const sessionId = await initialize(one);
  const answer = await callHello(other, sessionId);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain("hello");
  expect(await sessionStore(nodes.one).keys()).toEqual([sessionId]);
  // mcp-use answers before it has stored what it was told.
  await poll(async () => {
    const known = await sessionStore<{ clientInfo?: { name: string } }>(nodes.other).get(sessionId);
    return known?.clientInfo?.name === "raw" ? true : undefined;
  }, "the other process knows the client");

  await other.handle(
    new Request(url, { method: "DELETE", headers: { accept: "text/event-stream", ...session(sessionId) } }),
  );
  expect((await callHello(one, sessionId)).status).toBe(404);
  expect(await sessionStore(nodes.one).keys()).toEqual([]);
});

it("reaches a session's stream from every process", async () => {
  const sessionId = await initialize(one);
  const stream = await listen(one, sessionId);
  await (await callHello(other, sessionId)).text();
  await other.server.sendNotificationToSession(sessionId, "notifications/message", { level: "info", data: "news" });
  const [news] = await messagesUntil(stream, (messages) => messages.length > 0);
  expect(JSON.parse(news?.data ?? "")).toMatchObject({ method: "notifications/message", params: { data: "news" } });
});

it("brings an answer to the process that asked", async () => {
  const sessionId = await initialize(one);
  const stream = await listen(one, sessionId);
  await (await callHello(other, sessionId)).text();
  const asking = other.server.sessions.get(sessionId)?.server.server.listRoots();
  const [question] = await messagesUntil(stream, (messages) => messages.length > 0);
  const { id, method } = JSON.parse(question?.data ?? "") as { id: number; method: string };
  expect(method).toBe("roots/list");
  const roots = [{ uri: "file:///home" }];
  await (await post(one, { id, result: { roots } }, sessionId)).text();
  expect(await asking).toEqual({ roots });
});

it("does not say that a session is gone when its store is", async () => {
  const sessionId = await initialize(one);
  await one.close();
  await nodes.one.close();
  expect((await callHello(one, sessionId)).status).toBe(500);
});

describe("its session store", () => {
  it("keeps metadata for as long as it is used, or as it is told", async () => {
    const sessions = sessionStore<{ readonly lastAccessedAt: number }>(nodes.one, { idle: "1h" });
    await sessions.set("a", { lastAccessedAt: 1 });
    await sessions.setWithTTL("b", { lastAccessedAt: 2 }, 1);
    await poll(async () => ((await sessions.get("b")) === null ? true : undefined), "the second expires");
    expect([await sessions.has("a"), await sessions.has("b")]).toEqual([true, false]);
    expect(await sessions.keys()).toEqual(["a"]);
    await expect(sessions.setWithTTL("c", { lastAccessedAt: 3 }, 0)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    const [here, there] = [sessionStore<object>(nodes.one), sessionStore<object>(nodes.other)];
    await Promise.all([here.set("a", { lastAccessedAt: 4 }), there.set("a", { clientInfo: { name: "raw" } })]);
    expect(await sessions.get("a")).toEqual({ lastAccessedAt: 4, clientInfo: { name: "raw" } });
    const small = sessionStore<object>(nodes.one, { application: "small", maxBytes: 100 });
    await expect(small.set("a", { text: "x".repeat(200) })).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  });
});

describe("its stream manager", () => {
  it("forwards an answer once, and only from elsewhere", async () => {
    const forwarded: unknown[] = [];
    one.streams.onForwardedResponse((message, sessionId) => void forwarded.push([message, sessionId]));
    await one.streams.registerOutboundRequest(7, "s");
    await one.streams.registerOutboundRequest("7", "s");
    const answer = { id: 7, result: {} };
    expect(await other.streams.forwardInboundResponse(answer, "another session")).toBe(false);
    expect(await other.streams.forwardInboundResponse(answer, "s")).toBe(true);
    expect(await other.streams.forwardInboundResponse(answer, "s")).toBe(false);
    expect(await one.streams.forwardInboundResponse({ id: "7" }, "s")).toBe(false);
    await poll(() => (forwarded.length > 0 ? true : undefined), "it arrives");
    expect(forwarded).toEqual([[answer, "s"]]);
  });

  it("leaves one stream of two that a session opens at once on two processes", async () => {
    const { values } = await race(20, async (lane) => {
      const opened = [one, other].map(({ streams }) => {
        const stream = {
          heard: 0,
          ended: 0,
          enqueue: () => void (stream.heard += 1),
          close: () => void (stream.ended += 1),
        };
        return { stream, opening: streams.create(`s${lane}`, stream) };
      });
      await Promise.all(opened.map(({ opening }) => opening));
      return opened.map(({ stream }) => stream);
    });
    expect(values).toHaveLength(20);
    const ended = (): number[] => values.map((pair) => pair.reduce((sum, stream) => sum + stream.ended, 0));
    await poll(() => (ended().every((count) => count > 0) ? true : undefined), "one of each two ends");
    // What is said last comes after all openings, on either process.
    for (const { streams } of [one, other]) await streams.send(undefined, "data: x\n\n");
    const heard = (): number[] => values.map((pair) => pair.reduce((sum, stream) => sum + stream.heard, 0));
    await poll(() => (heard().every((count) => count > 1) ? true : undefined), "the others hear what is said");
    expect(ended()).toEqual(Array.from({ length: 20 }, () => 1));
    expect(heard()).toEqual(Array.from({ length: 20 }, () => 2));
  });
});

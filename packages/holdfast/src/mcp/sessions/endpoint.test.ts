import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OldTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { Hold } from "../../state/hold.ts";
import {
  call,
  eventually,
  initializeRequest,
  type Node,
  open,
  openHold,
  startNode,
  toolCall,
} from "./bridge.test-kit.ts";

let hold: Awaited<ReturnType<typeof openHold>>;
let node: Node;

beforeEach(async () => {
  hold = await openHold();
  node = await startNode({ hold });
});

afterEach(async () => {
  await node.close();
  await hold.closeAll();
});

describe("the official clients", () => {
  test("the v2 client opens a session, calls, sees messages and ends it", async () => {
    const client = new Client({ name: "v2", version: "1" });
    const transport = new StreamableHTTPClientTransport(node.url);
    const seen: unknown[] = [];
    client.setNotificationHandler("notifications/message", ({ params }) => void seen.push(params.data));
    await client.connect(transport);
    expect(transport.sessionId).toMatch(/^ses_[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$/);
    expect(await client.callTool({ name: "count" })).toMatchObject({ content: [{ text: "1" }] });
    expect(await client.callTool({ name: "count" })).toMatchObject({ content: [{ text: "2" }] });
    expect(await client.callTool({ name: "steps", arguments: { n: 3 } })).toMatchObject({
      content: [{ text: "done 3" }],
    });
    expect(seen).toEqual(["step 1", "step 2", "step 3"]);
    await transport.terminateSession();
    await client.close();
    expect(node.errors).toEqual([]);
  });

  test("the v1 client does the same, and is asked things", async () => {
    const client = new OldClient({ name: "v1", version: "1" }, { capabilities: { elicitation: {} } });
    const seen: unknown[] = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void seen.push(params.data));
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { name: "Ada" } }));
    const transport = new OldTransport(node.url);
    await client.connect(transport);
    expect(await client.callTool({ name: "steps", arguments: { n: 2 } })).toMatchObject({
      content: [{ text: "done 2" }],
    });
    expect(seen).toEqual(["step 1", "step 2"]);
    const asked = await client.callTool({ name: "ask", arguments: { question: "who" } });
    expect(JSON.stringify(asked)).toContain("Ada");
    await client.close();
    expect(node.errors).toEqual([]);
  });

  test("a session goes on at another endpoint over the same store, and after a restart", async () => {
    const client = new Client({ name: "v2", version: "1" });
    const transport = new StreamableHTTPClientTransport(node.url);
    await client.connect(transport);
    await client.callTool({ name: "count" });
    const other = await startNode({ hold });
    const headers = { "mcp-session-id": transport.sessionId ?? "", "mcp-protocol-version": "2025-11-25" };
    const answer = await call(other, "POST", toolCall(9, "count"), { headers });
    expect(answer.json()).toMatchObject({ id: 9, result: { content: [{ text: "2" }] } });
    await other.close();
    expect(other.instances).toEqual({ made: 1, closed: 1 });
    await client.close();
  });
});

describe("ends of a session", () => {
  test("DELETE ends both records and everything after it is 404", async () => {
    const headers = await open(node);
    expect((await call(node, "DELETE", undefined, { headers })).status).toBe(200);
    const posted = await call(node, "POST", toolCall(1, "count"), { headers });
    expect(posted.status).toBe(404);
    expect(posted.json()).toEqual({ jsonrpc: "2.0", error: { code: -32001, message: "Session not found" }, id: null });
    expect((await call(node, "DELETE", undefined, { headers })).status).toBe(404);
    expect((await call(node, "GET", undefined, { headers })).status).toBe(404);
    await eventually(() => node.instances.closed === node.instances.made);
  });

  test("a tool that ends its own session is answered, and then there is none", async () => {
    const headers = await open(node);
    const answer = await call(node, "POST", toolCall(1, "end"), { headers });
    expect(answer.json()).toMatchObject({ result: { content: [{ text: "ended" }] } });
    expect((await call(node, "POST", toolCall(2, "count"), { headers })).status).toBe(404);
    await eventually(() => node.instances.closed === node.instances.made);
  });

  test("an initialize that the server refuses leaves nothing behind", async () => {
    const clientInfo = { name: "x", version: "1", title: 7 };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    const bad = { jsonrpc: "2.0", id: 1, method: "initialize", params };
    const answer = await call(node, "POST", bad);
    expect(answer.header("mcp-session-id")).toBeUndefined();
    expect(answer.json()).toHaveProperty("error");
    expect((await hold.store.admin.stats()).records).toBe(0);
    expect(node.instances).toEqual({ made: 1, closed: 1 });
  });

  test("a client that says 2 MB about itself gets no session", async () => {
    const clientInfo = { name: "x".repeat(2_000_000), version: "1" };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    const answer = await call(node, "POST", { jsonrpc: "2.0", id: 1, method: "initialize", params });
    expect([answer.status, answer.json()]).toMatchObject([400, { error: { code: -32600 } }]);
    expect((await hold.store.admin.stats()).records).toBe(0);
    expect(node.instances).toEqual({ made: 1, closed: 1 });
  });

  test("fifty clients that initialize at once get fifty sessions", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => call(node, "POST", initializeRequest())));
    expect(new Set(answers.map((answer) => answer.header("mcp-session-id"))).size).toBe(50);
    expect((await hold.store.admin.stats()).records).toBe(100);
  });
});

export type { Hold };

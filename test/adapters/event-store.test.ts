/** The SDK's `EventStore`, behind the Streamable HTTP transports of both of its majors. */
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer as ServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport as TransportV1 } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import {
  McpServer as ServerV2,
  WebStandardStreamableHTTPServerTransport as TransportV2,
} from "@modelcontextprotocol/server";
import { localUser } from "holdfast";
import { type ResumableSession, resumableSession } from "holdfast/adapters/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { poll } from "../lib/waiting.ts";
import { type Message, messagesUntil } from "./streams.ts";
import { alice, bob, openTwoNodes, type TwoNodes } from "./two-nodes.ts";

let nodes: TwoNodes;
beforeEach(async () => {
  nodes = await openTwoNodes();
});
afterEach(async () => {
  await nodes[Symbol.asyncDispose]();
});

type Handle = (request: Request) => Promise<Response>;
type Served = { readonly handle: Handle; readonly errors: unknown[]; readonly notify: () => Promise<void> };
type TransportOptions = Partial<ResumableSession["transport"]>;

/** A server with a tool that says three things before it answers. */
async function serveV1(options: TransportOptions): Promise<Served> {
  const errors: unknown[] = [];
  const server = new ServerV1({ name: "host", version: "1" }, { capabilities: { logging: {}, tools: {} } });
  server.registerTool("talk", { inputSchema: {} }, async (_args, { sendNotification }) => {
    for (const data of ["one", "two", "three"]) {
      await sendNotification({ method: "notifications/message", params: { level: "info", data } });
    }
    return { content: [{ type: "text", text: "done" }] };
  });
  const transport = new TransportV1(options);
  server.server.onerror = (error) => errors.push(error);
  transport.onerror = (error) => errors.push(error);
  await server.connect(transport);
  const notify = (): Promise<void> => server.sendLoggingMessage({ level: "info", data: "news" });
  return { handle: (request) => transport.handleRequest(request), errors, notify };
}

async function serveV2(options: TransportOptions): Promise<Served> {
  const errors: unknown[] = [];
  const server = new ServerV2({ name: "host", version: "1" }, { capabilities: { logging: {}, tools: {} } });
  server.registerTool("talk", {}, async ({ mcpReq }) => {
    for (const data of ["one", "two", "three"]) {
      await mcpReq.notify({ method: "notifications/message", params: { level: "info", data } });
    }
    return { content: [{ type: "text", text: "done" }] };
  });
  const transport = new TransportV2(options);
  server.server.onerror = (error) => errors.push(error);
  transport.onerror = (error) => errors.push(error);
  await server.connect(transport);
  const notify = (): Promise<void> => server.sendLoggingMessage({ level: "info", data: "news" });
  return { handle: (request) => transport.handleRequest(request), errors, notify };
}

const url = new URL("http://127.0.0.1/mcp");
const revision = "2025-11-25";

/** A client without network: its requests go straight to the transport. */
async function connectV1(handle: Handle, timeout = 30_000): Promise<AsyncDisposable> {
  const client = new ClientV1({ name: "client", version: "1" });
  await client.connect(new HttpV1(url, { fetch: (to, init) => handle(new Request(to, init)) }), { timeout });
  return { [Symbol.asyncDispose]: () => client.close() };
}

async function connectV2(handle: Handle, timeout = 30_000): Promise<AsyncDisposable> {
  const client = new ClientV2({ name: "client", version: "1" }, { versionNegotiation: { mode: "legacy" } });
  await client.connect(new HttpV2(url, { fetch: (to, init) => handle(new Request(to, init)) }), { timeout });
  return { [Symbol.asyncDispose]: () => client.close() };
}

/** The raw session of a client that may drop its streams. */
async function initialize(handle: Handle): Promise<string> {
  const params = { protocolVersion: revision, capabilities: {}, clientInfo: { name: "raw", version: "1" } };
  const response = await handle(post({ jsonrpc: "2.0", id: 0, method: "initialize", params }));
  await response.text();
  const sessionId = response.headers.get("mcp-session-id") ?? "";
  await (await handle(post({ jsonrpc: "2.0", method: "notifications/initialized" }, sessionId))).text();
  return sessionId;
}

function post(body: unknown, sessionId?: string): Request {
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  return new Request(url, {
    method: "POST",
    headers: { ...headers, ...session(sessionId) },
    body: JSON.stringify(body),
  });
}

function get(sessionId: string, lastEventId?: string): Request {
  const resume = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  return new Request(url, { headers: { accept: "text/event-stream", ...session(sessionId), ...resume } });
}

function session(sessionId: string | undefined): Record<string, string> {
  return sessionId === undefined ? {} : { "mcp-session-id": sessionId, "mcp-protocol-version": revision };
}

function said({ data }: Message): unknown {
  const { params, result } = JSON.parse(data) as { params?: { data?: unknown }; result?: unknown };
  return params?.data ?? (result === undefined ? undefined : "answer");
}

describe.each([
  ["1", serveV1, connectV1],
  ["2", serveV2, connectV2],
] as const)("with major %s of the SDK", (_major, serveHost, connect) => {
  it("replays what a client missed, on its own stream", async () => {
    const resumable = resumableSession(nodes.one, alice);
    const { handle, notify, errors } = await serveHost(resumable.transport);
    const sessionId = await initialize(handle);
    expect(sessionId).toBe(resumable.sessionId);

    const listening = await handle(get(sessionId));
    const call = await handle(
      post({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "talk" } }, sessionId),
    );
    await notify();
    const all = await messagesUntil(call, (events) => events.some((event) => said(event) === "answer"));
    expect(all.map(said)).toEqual(["one", "two", "three", "answer"]);
    const [news] = await messagesUntil(listening, (events) => events.length > 0);

    // The connection broke after the second.
    const resumed = await handle(get(sessionId, all[1]?.id));
    const rest = await messagesUntil(resumed, (events) => events.some((event) => said(event) === "answer"));
    expect(rest).toEqual(all.slice(2));

    // Another process reads the same log under the session's id, and nobody else's does.
    const elsewhere = resumableSession(nodes.other, alice, { sessionId }).eventStore;
    const replayed: unknown[] = [];
    const send = async (id: string, message: unknown): Promise<void> => {
      replayed.push(said({ id, data: JSON.stringify(message) }));
    };
    const stream = await elsewhere.replayEventsAfter(all[0]?.id ?? "", { send });
    expect(replayed).toEqual(["two", "three", "answer"]);
    expect(await elsewhere.getStreamIdForEventId(all[3]?.id ?? "")).toBe(stream);
    expect(await elsewhere.getStreamIdForEventId(news?.id ?? "")).not.toBe(stream);
    const strangers = resumableSession(nodes.one, bob, { sessionId }).eventStore;
    expect(await strangers.getStreamIdForEventId(all[0]?.id ?? "")).toBeUndefined();
    await expect(strangers.replayEventsAfter(all[0]?.id ?? "", { send })).rejects.toThrow("no such event");
    expect(errors).toEqual([]);
  });

  it("keeps two sessions of one principal apart", async () => {
    const [first, second] = [resumableSession(nodes.one, alice), resumableSession(nodes.one, alice)];
    const [one, other] = [await serveHost(first.transport), await serveHost(second.transport)];
    const [ofOne, ofOther] = [await initialize(one.handle), await initialize(other.handle)];
    const listening = await one.handle(get(ofOne));
    await one.notify();
    const [news] = await messagesUntil(listening, (events) => events.length > 0);
    const refused = await other.handle(get(ofOther, news?.id));
    expect(refused.status).toBe(400);
    expect(await refused.text()).not.toContain("news");
  });

  it("refuses to be the store of a second session", async () => {
    const { eventStore } = resumableSession(nodes.one, localUser);
    const own = (): TransportOptions => ({ eventStore, sessionIdGenerator: () => crypto.randomUUID() });
    const [one, other] = [await serveHost(own()), await serveHost(own())];
    await using _first = await connect(one.handle);
    expect(one.errors).toEqual([]);
    // The SDK has no answer for that: its client waits in vain, and its server says why.
    await expect(connect(other.handle, 500)).rejects.toThrow(/timed out/i);
    await poll(() => other.errors.find((error) => String(error).includes("given a second")), "the refusal is reported");
  });

  it("gives its id once", async () => {
    const { transport } = resumableSession(nodes.one, localUser);
    const [one, other] = [await serveHost(transport), await serveHost(transport)];
    await using _first = await connect(one.handle);
    await expect(connect(other.handle)).rejects.toThrow(/given a second/);
  });

  it("forgets a session that its client ends", async () => {
    const resumable = resumableSession(nodes.one, alice);
    const { handle } = await serveHost(resumable.transport);
    const sessionId = await initialize(handle);
    const listed = await resumable.eventStore.storeEvent("stream", { jsonrpc: "2.0", method: "notifications/x" });
    expect(await resumable.eventStore.getStreamIdForEventId(listed)).toBe("stream");
    const request = new Request(url, { method: "DELETE", headers: session(sessionId) });
    expect((await handle(request)).status).toBe(200);
    expect(await resumable.eventStore.getStreamIdForEventId(listed)).toBeUndefined();
  });
});

describe("what is kept", () => {
  const message = (text: string): unknown => ({
    jsonrpc: "2.0",
    method: "notifications/message",
    params: { data: text },
  });
  const nobody = { send: () => Promise.resolve() };

  it("has a bound, and says so where a client was away for longer", async () => {
    const { eventStore } = resumableSession(nodes.one, alice, { keep: 4 });
    const ids: string[] = [];
    for (const text of ["a", "b", "c", "d", "e", "f"]) ids.push(await eventStore.storeEvent("s", message(text)));
    const heard: unknown[] = [];
    const send = async (_id: string, { params }: { params: { data: string } }): Promise<void> => {
      heard.push(params.data);
    };
    await eventStore.replayEventsAfter(ids[1] ?? "", { send });
    expect(heard).toEqual(["c", "d", "e", "f"]);
    await expect(eventStore.replayEventsAfter(ids[0] ?? "", nobody)).rejects.toMatchObject({
      code: "REPLAY_WINDOW_EXCEEDED",
    });
  });

  it("knows none but its own ids", async () => {
    const { eventStore, end } = resumableSession(nodes.one, alice);
    const id = await eventStore.storeEvent("s", message("a"));
    const [incarnation, position, stream] = id.split("-");
    const forged = ["", "x", `${incarnation}-9-${stream}`, `${incarnation}-0-${stream}`, `9-${position}-${stream}`];
    forged.push(`${incarnation}-${position}-${Buffer.from("other").toString("base64url")}`);
    for (const wrong of forged) {
      expect(await eventStore.getStreamIdForEventId(wrong), wrong).toBeUndefined();
      await expect(eventStore.replayEventsAfter(wrong, nobody)).rejects.toThrow("no such event");
    }
    // A log that began anew counts from one again.
    await end();
    await eventStore.storeEvent("s", message("b"));
    expect(await eventStore.getStreamIdForEventId(id)).toBeUndefined();
  });

  it.each([{ keep: 0 }, { keep: 1.5 }, { sessionId: "" }, { idle: "soon" as "1h" }])("refuses %o", (wrong) => {
    expect(() => resumableSession(nodes.one, alice, wrong)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT" }),
    );
  });
});

/** The deprecated HTTP+SSE transport of the ready server on two nodes: the stream on one, the messages on either. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client as V2Client, SSEClientTransport as V2Sse } from "@modelcontextprotocol/client";
import { Client as V1Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport as V1Sse } from "@modelcontextprotocol/sdk/client/sse.js";
import { ElicitRequestSchema, ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answerOf, textOf, valueOf } from "../clients/caller.ts";
import { type Cluster, startCluster } from "../lib/cluster.ts";
import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { everything } from "../lib/extent.ts";
import { removeFolder, startServer, temporaryFolder } from "../lib/server-process.ts";
import { poll, within } from "../lib/waiting.ts";
import { connect } from "../server/connect.ts";

type Headers = Readonly<Record<string, string>>;

interface SseClient extends AsyncDisposable {
  /** Resources it was told had changed. */
  readonly updates: readonly string[];
  call(tool: string, args?: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>;
  subscribe(uri: string): Promise<unknown>;
  readonly closed: Promise<void>;
}

const info = { name: "sse-tests", version: "1.0.0" };
const timeout = 30_000;

async function v1(origin: string, headers: Headers): Promise<SseClient> {
  const client = new V1Client(info, { capabilities: { elicitation: {} } });
  const updates: string[] = [];
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: "accept", content: { confirm: true } }));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void updates.push(params.uri));
  const closed = new Promise<void>((resolve) => (client.onclose = resolve));
  await client.connect(new V1Sse(new URL(`${origin}/sse`), { requestInit: { headers } }), { timeout });
  return {
    updates,
    closed,
    call: (name, args = {}) =>
      valueOf(client.callTool({ name, arguments: { ...args } }, undefined, { timeout }).then(answerOf)),
    subscribe: (uri) => client.subscribeResource({ uri }, { timeout }),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

async function v2(origin: string, headers: Headers): Promise<SseClient> {
  const client = new V2Client(info, { versionNegotiation: { mode: "legacy" }, capabilities: { elicitation: {} } });
  const updates: string[] = [];
  client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { confirm: true } }));
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => void updates.push(params.uri));
  const closed = new Promise<void>((resolve) => (client.onclose = resolve));
  await client.connect(new V2Sse(new URL(`${origin}/sse`), { requestInit: { headers } }), { timeout });
  return {
    updates,
    closed,
    call: (name, args = {}) => valueOf(client.callTool({ name, arguments: { ...args } }, { timeout }).then(answerOf)),
    subscribe: (uri) => client.subscribeResource({ uri }, { timeout }),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

const clients = [
  { name: "v1 client", open: v1 },
  { name: "v2 client", open: v2 },
];

const tokens = {
  "alice-token": { subject: "alice", clientId: "cli", scopes: [] },
  "alice-phone": { subject: "alice", clientId: "phone", scopes: [] },
  "bob-token": { subject: "bob", clientId: "cli", scopes: [] },
};
const alice = { authorization: "Bearer alice-token" };

type Bare = { readonly messages: string; readonly ended: Promise<"over">; end(): void };

/** A bare stream, as far as the address it says messages go to. */
async function openBare(origin: string, headers: Headers): Promise<Bare> {
  const gone = new AbortController();
  const answer = await fetch(`${origin}/sse`, {
    headers: { accept: "text/event-stream", ...headers },
    signal: gone.signal,
  });
  expect(answer.status).toBe(200);
  // A body that is there, since the status is 200.
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const { value } = await reader.read();
  const path = /^event: endpoint\ndata: (\S+)\n\n/.exec(new TextDecoder().decode(value))?.[1];
  if (path === undefined) throw new Error("the stream did not begin with where to send");
  const readOn = async (): Promise<"over"> => {
    for (;;) if ((await reader.read()).done) return "over";
  };
  // Whether it breaks off or ends is the same here.
  return { messages: path, ended: readOn().catch(() => "over" as const), end: () => gone.abort() };
}

async function post(
  url: string,
  headers: Headers,
  body: unknown,
): Promise<{ status: number; text: string; headers: string[] }> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const names = [...answer.headers].filter(([name]) => name !== "date").map(([name, value]) => `${name}: ${value}`);
  return { status: answer.status, text: await answer.text(), headers: names };
}

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

/** Nothing here depends on the store but how hints travel: between files they carry no text, between servers they do. */
const stores = durableStores.filter((name) => everything || name === "sqlite" || name === "postgres");

describeStoresAtOnce(stores, "two nodes on %s", { timeout: 60_000 }, (storeName) => {
  let dir: string;
  let store: Awaited<ReturnType<typeof openDurable>>;
  let cluster: Cluster;
  let origin: string;

  beforeAll(async () => {
    dir = await temporaryFolder();
    store = await openDurable(storeName);
    await writeFile(join(dir, "tokens.json"), JSON.stringify(tokens));
    const args = [
      "--sse",
      "--auth",
      "tokens",
      "--auth-tokens",
      join(dir, "tokens.json"),
      "--max-streams-per-principal",
      "4",
    ];
    cluster = await startCluster((port) => startServer({ store: store.url, dir, port, args }), 2);
    origin = cluster.balancer.origin;
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
    await removeFolder(dir);
  });

  test.each(clients)("$name: a session of its own, whatever node its messages come to", async ({ open }) => {
    await using client = await open(origin, alice);
    for (let count = 1; count <= 6; count++) {
      expect(await client.call("increment_counter", { name: "n" })).toMatchObject({ value: count });
    }
    const { session_id } = await client.call("get_context");
    // The same state as over the newer transport.
    await using newer = await connect(cluster.url, "2026", "alice-token");
    expect(await valueOf(newer.call("increment_counter", { session_id, name: "n" }))).toMatchObject({ value: 7 });
    expect(await client.call("clear_session")).toMatchObject({ session_id, cleared: true });
    expect(await client.call("get_context")).toMatchObject({ counters: {} });
  });

  test.each(clients)("$name: hears of a resource that changes anywhere", async ({ open }) => {
    await using client = await open(origin, alice);
    const { session_id } = await client.call("get_context");
    const uri = `session://${String(session_id)}`;
    await client.subscribe(uri);
    await using newer = await connect(cluster.url, "2026", "alice-token");
    await poll(
      async () => {
        await newer.call("record_action", { session_id, action: "changed" });
        return client.updates.includes(uri) ? true : undefined;
      },
      "the update",
      20_000,
      100,
    );
    expect(new Set(client.updates)).toEqual(new Set([uri]));
  });

  test.each(clients)("$name: a session ended elsewhere is over here", async ({ open }) => {
    await using client = await open(origin, alice);
    const { session_id } = await client.call("get_context");
    await using newer = await connect(cluster.url, "2026", "alice-token");
    expect(await valueOf(newer.call("end_session", { session_id }))).toMatchObject({ ended: true });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await expect(client.call("get_context")).rejects.toThrow(/closed|not found/i);
  });

  // Where hints between processes carry no text, the node finds it out only with its next beat.
  test.skipIf(storeName === "sqlite")(
    "the stream of a session that was ended elsewhere ends, though its client says nothing",
    async () => {
      const stream = await openBare(origin, alice);
      const params = { protocolVersion: "2024-11-05", capabilities: {}, clientInfo: info };
      await post(origin + stream.messages, alice, { jsonrpc: "2.0", id: 0, method: "initialize", params });
      const session_id = /sessionId=([^.]+)/.exec(stream.messages)?.[1];
      await using newer = await connect(cluster.url, "2026", "alice-token");
      const ended = async () => ((await newer.call("end_session", { session_id })).ok ? true : undefined);
      await poll(ended, "the session that initialize makes", timeout);
      expect(await within(stream.ended, timeout, () => "the stream goes on")).toBe("over");
    },
  );

  test("a stranger is answered like an unknown id, on every node, and changes nothing", async () => {
    const stream = await openBare(cluster.node(0).origin, alice);
    for (const { origin: node } of cluster.nodes) {
      const url = node + stream.messages;
      const unknown = await post(`${node}/messages?sessionId=ses_${"a".repeat(22)}.${"b".repeat(43)}`, alice, ping);
      expect(unknown).toMatchObject({ status: 404, text: expect.stringContaining("Session not found") });
      for (const [presented, headers] of [
        [url, { authorization: "Bearer bob-token" }],
        [url, { authorization: "Bearer alice-phone" }],
        [`${url.slice(0, -1)}${url.endsWith("A") ? "B" : "A"}`, alice],
        [`${node}/messages?sessionId=nonsense`, alice],
      ] as const) {
        expect(await post(presented, headers, ping)).toEqual(unknown);
      }
      expect((await post(`${node}/messages`, alice, ping)).status).toBe(400);
      expect((await post(url, {}, ping)).status).toBe(401);
      expect((await post(url, alice, [ping])).status).toBe(400);
      expect((await post(url, alice, ping)).status).toBe(202);
    }
    stream.end();
    // Its end is known everywhere: nobody takes messages for it.
    for (const { origin: node } of cluster.nodes) {
      const refused = async (): Promise<true | undefined> =>
        (await post(node + stream.messages, alice, ping)).status === 404 ? true : undefined;
      await poll(refused, "the connection to be over", 10_000);
    }
  });

  test("streams count against the limits of all streams", async () => {
    const bob = { authorization: "Bearer bob-token" };
    const [node] = cluster.nodes.map(({ origin: at }) => at);
    const streams = await Promise.all([1, 2, 3, 4].map(() => openBare(node ?? "", bob)));
    const fifth = await fetch(`${node}/sse`, { headers: { accept: "text/event-stream", ...bob } });
    expect(fifth.status).toBe(429);
    expect(fifth.headers.get("retry-after")).not.toBeNull();
    for (const stream of streams) stream.end();
  });

  test("is at its two paths only, each with its method", async () => {
    expect((await post(`${origin}/sse`, alice, ping)).status).toBe(405);
    expect((await fetch(`${origin}/messages`, { headers: alice })).status).toBe(405);
  });

  test.each(clients)("$name: a node that drains ends its streams and takes no new ones", async ({ open }) => {
    cluster.balancer.choose(() => 0);
    await using client = await open(origin, alice);
    const { session_id } = await client.call("get_context");
    expect(await cluster.node(0).stop()).toEqual({ code: 0, signal: null });
    cluster.balancer.choose(undefined);
    await using again = await open(origin, alice);
    // What the connection left behind is there for the next one.
    expect(await again.call("get_context", { session_id })).toMatchObject({ session_id });
    await cluster.node(0).start();
  });
});

test("is not there unless it is asked for", async () => {
  await using server = await startServer();
  expect((await fetch(`${server.origin}/sse`, { headers: { accept: "text/event-stream" } })).status).toBe(404);
  await removeFolder(server.dir);
});

test("needs no token where the local user is served", async () => {
  await using server = await startServer({ args: ["--sse"] });
  await using client = await v1(server.origin, {});
  expect(textOf(await client.call("get_context"), "session_id")).toMatch(/^ses_/);
  await client[Symbol.asyncDispose]();
  await server.stop();
  await removeFolder(server.dir);
});

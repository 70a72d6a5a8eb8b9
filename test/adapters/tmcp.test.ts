/** Servers built with tmcp, as two processes behind one balancer. */
import { ZodJsonSchemaAdapter } from "@tmcp/adapter-zod";
import { InMemorySubscriptionManager, type SubscriptionCallbacks } from "@tmcp/session-manager";
import { HttpTransport } from "@tmcp/transport-http";
import { type TmcpManagers, tmcpManagers } from "holdfast/adapters/tmcp";
import { principalOfToken, reply, statefulTools } from "holdfast/adapters/tools";
import { race } from "holdfast/testing";
import { McpServer } from "tmcp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";

import { poll } from "../lib/waiting.ts";
import { hearing, messagesUntil } from "./streams.ts";
import { Basket, openTwoNodes, type Shop, type TwoNodes } from "./two-nodes.ts";

type Node = {
  readonly server: McpServer<z.ZodType>;
  readonly managers: TmcpManagers;
  respond(request: Request): Promise<Response>;
};

const uri = "basket://today";

let nodes: TwoNodes;
let errors: unknown[];
let one: Node;
let other: Node;
beforeEach(async () => {
  nodes = await openTwoNodes();
  errors = [];
  [one, other] = [await serveNode(nodes.one), await serveNode(nodes.other)];
});
afterEach(async () => {
  await Promise.all([one.managers.close(), other.managers.close()]);
  await nodes[Symbol.asyncDispose]();
  expect(errors).toEqual([]);
});

async function serveNode(hold: Shop): Promise<Node> {
  const capabilities = { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true }, logging: {} };
  const server = new McpServer({ name: "shop", version: "1" }, { adapter: new ZodJsonSchemaAdapter(), capabilities });
  const tool = statefulTools(hold, { principal: () => principalOfToken(server.ctx.auth) });
  server.tool(
    { name: "create_basket", description: "Opens a basket." },
    tool("create_basket", (_args, { state }) => reply(state.basket.create())),
  );
  server.tool(
    { name: "add_item", description: "Adds an item.", schema: z.object({ basket: Basket.id, sku: z.string() }) },
    tool("add_item", ({ basket, sku }: { basket: string; sku: string }, { state }) =>
      reply(
        state.basket.update(basket, (draft) => {
          draft.items.push(sku);
        }),
      ),
    ),
  );
  server.tool({ name: "who", description: "Says who asks." }, () => reply(server.ctx.sessionInfo));
  server.resource({ name: "today", description: "Today's basket.", uri }, () => ({ contents: [{ uri, text: "x" }] }));
  const managers = tmcpManagers(hold, { onError: (error) => errors.push(error) });
  const { sessionManager, subscriptionManager } = managers;
  const oauth = {
    respond: () => Promise.resolve(null),
    verify: (request: Request) => {
      const sub = request.headers.get("x-user") ?? "alice";
      return Promise.resolve({ token: "t", clientId: "cli", scopes: [], extra: { sub } });
    },
  };
  const transport = new HttpTransport(server, {
    path: "/mcp",
    allowedOrigins: [],
    oauth,
    sessionManager,
    subscriptionManager,
  });
  await managers.ready();
  return {
    server,
    managers,
    async respond(request) {
      const response = await transport.respond(request);
      if (response === null) throw new Error("the path is served");
      return response;
    },
  };
}

let ids = 0;

async function ask(
  node: Node,
  method: string,
  params: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  ids += 1;
  const id = method.startsWith("notifications/") ? {} : { id: ids };
  const request = new Request("http://127.0.0.1/mcp", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
    body: JSON.stringify({ jsonrpc: "2.0", ...id, method, params }),
  });
  return await node.respond(request);
}

async function resultOf(response: Response): Promise<unknown> {
  const [message] = await messagesUntil(response, (messages) => messages.length > 0);
  return (JSON.parse(message?.data ?? "") as { result?: unknown }).result;
}

async function openSession(node: Node, extra: Readonly<Record<string, string>> = {}): Promise<Record<string, string>> {
  const clientInfo = { name: "raw", version: "7" };
  const params = { protocolVersion: "2025-06-18", capabilities: { elicitation: {} }, clientInfo };
  const response = await ask(node, "initialize", params, extra);
  await resultOf(response);
  return { ...extra, "mcp-session-id": response.headers.get("mcp-session-id") ?? "" };
}

function listen(node: Node, headers: Readonly<Record<string, string>>): Promise<Response> {
  return node.respond(new Request("http://127.0.0.1/mcp", { headers: { accept: "text/event-stream", ...headers } }));
}

describe("the state API", () => {
  it("gives tmcp's tools each caller's own state, on every process", async () => {
    const [alice, bob] = [{ "x-user": "alice" }, { "x-user": "bob" }];
    const call = async (node: Node, user: Record<string, string>, name: string, args: unknown): Promise<unknown> =>
      resultOf(await ask(node, "tools/call", { name, arguments: args }, user));
    const created = (await call(one, alice, "create_basket", {})) as { structuredContent: { basket: string } };
    const { basket } = created.structuredContent;
    await race(20, (lane) => call(lane % 2 === 0 ? one : other, alice, "add_item", { basket, sku: `${lane}` }));
    expect(await call(other, alice, "add_item", { basket, sku: "last" })).toMatchObject({
      structuredContent: { version: 22 },
    });
    expect(await call(one, bob, "add_item", { basket, sku: "mine" })).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "not_found" } },
    });
  });
});

describe("what is known of a session", () => {
  it("is known on every process", async () => {
    const session = await openSession(one);
    await resultOf(await ask(one, "logging/setLevel", { level: "warning" }, session));
    const known = { clientInfo: { name: "raw" }, clientCapabilities: { elicitation: {} }, logLevel: "warning" };
    // tmcp answers before it has stored what it was told.
    await poll(async () => {
      const result = await resultOf(await ask(other, "tools/call", { name: "who", arguments: {} }, session));
      const { structuredContent } = result as { structuredContent: Record<string, unknown> };
      return structuredContent["logLevel"] === "warning" ? structuredContent : undefined;
    }, "the other process knows").then((info) => expect(info).toMatchObject(known));
    await other.respond(new Request("http://127.0.0.1/mcp", { method: "DELETE", headers: session }));
    await poll(
      () =>
        one.managers.sessionManager.info.getClientInfo(session["mcp-session-id"] ?? "").then(
          () => undefined,
          () => true,
        ),
      "it is forgotten",
    );
  });

  it("is kept of sessions that began, and of none that a client made up", async () => {
    const { info } = one.managers.sessionManager;
    info.addSubscription("made up", uri);
    info.setLogLevel("made up", "error");
    expect(await info.getSubscriptions(uri)).toEqual([]);
    await expect(info.getLogLevel("made up")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("loses no subscription of many that come at once", async () => {
    const infos = [one.managers.sessionManager.info, other.managers.sessionManager.info];
    await race(20, (lane) => {
      infos[lane % 2]?.setClientInfo(`s${lane}`, { name: "c", version: "1" });
      infos[lane % 2]?.addSubscription(`s${lane}`, uri);
    });
    const subscribers = (): Promise<(readonly string[])[]> =>
      Promise.all(infos.map((info) => info.getSubscriptions(uri)));
    await subscribers();
    const [here = [], there] = await subscribers();
    expect(here).toHaveLength(20);
    expect(there).toEqual(here);
    infos[0]?.removeSubscription("s0", uri);
    infos[0]?.delete("s1");
    expect(await infos[0]?.getSubscriptions(uri)).toEqual(here.filter((id) => id !== "s0" && id !== "s1"));
  });
});

describe("streams of sessions", () => {
  it("are told of changes by every process, if they asked for them", async () => {
    const [asked, silent] = [await openSession(one), await openSession(one)];
    await resultOf(await ask(one, "resources/subscribe", { uri }, asked));
    const [stream, unasked] = [await listen(one, asked), await listen(one, silent)];
    await poll(
      async () => ((await other.managers.sessionManager.info.getSubscriptions(uri)).length > 0 ? true : undefined),
      "the other process knows who asked",
    );
    other.server.changed("resource", uri);
    one.server.changed("tools");
    const heard = await messagesUntil(stream, (messages) => messages.length === 2);
    expect(heard.map(({ data }) => (JSON.parse(data) as { method: string }).method).toSorted()).toEqual([
      "notifications/resources/updated",
      "notifications/tools/list_changed",
    ]);
    const [only] = await messagesUntil(unasked, (messages) => messages.length > 0);
    expect(only?.data).toContain("tools/list_changed");
  });

  it("end where a newer one of the session begins on another process", async () => {
    const session = await openSession(one);
    const older = await listen(one, session);
    const bystander = await listen(other, await openSession(other));
    // What a node says arrives in its order: after this, all know of the older one.
    one.server.changed("resources");
    await messagesUntil(bystander, (messages) => messages.length > 0);
    const newer = await listen(other, session);
    await expect(messagesUntil(older, () => false)).rejects.toThrow("ended after 1");
    one.server.changed("tools");
    const [news] = await messagesUntil(newer, (messages) => messages.length > 0);
    expect(news?.data).toContain("tools/list_changed");
  });
});

describe("subscriptions of the 2026-07-28 revision", () => {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen" };

  it.each([
    ["tmcp's own", () => new InMemorySubscriptionManager()],
    ["holdfast's", () => one.managers.subscriptionManager],
  ])("are kept as by tmcp's own manager: %s", async (_whose, open) => {
    const manager = open();
    const told: unknown[] = [];
    let acknowledge: () => void = () => undefined;
    const acknowledged = new Promise<void>((resolve) => {
      acknowledge = resolve;
    });
    const callbacks = (name: string, waiting?: Promise<void>): SubscriptionCallbacks => ({
      acknowledge: async () => {
        await waiting;
        told.push(`${name} acknowledged`);
      },
      send: ({ method }) => void told.push(`${name} ${method}`),
      close: (reason) => void told.push(`${name} ${reason}`),
    });
    const filters = { toolsListChanged: true };
    const changed = { jsonrpc: "2.0", method: "notifications/tools/list_changed" } as const;
    // What comes before the acknowledgement waits for it.
    const creating = manager.create({ id: 1, origin: "a", filters }, callbacks("first", acknowledged));
    const sending = manager.send(changed);
    acknowledge();
    expect(await creating).toBe(true);
    await sending;
    expect(await manager.create({ id: 1, origin: "a", filters }, callbacks("again"))).toBe(false);
    // Ids keep their type.
    expect(await manager.create({ id: "1", origin: "a", filters: {} }, callbacks("second"))).toBe(true);
    await manager.send(changed);
    expect(await manager.close(2, "a", "closed")).toBe(false);
    expect(await manager.close(1, "a", "closed")).toBe(true);
    await manager.send(changed);
    const failing = { ...callbacks("third"), acknowledge: () => Promise.reject(new Error("gone")) };
    await expect(manager.create({ id: 3, origin: "b", filters }, failing)).rejects.toThrow("gone");
    expect(await manager.create({ id: 3, origin: "b", filters }, callbacks("fourth"))).toBe(true);
    await manager.closeAll("b");
    await manager.closeAll();
    expect(told).toEqual([
      "first acknowledged",
      "first notifications/tools/list_changed",
      "second acknowledged",
      "first notifications/tools/list_changed",
      "first closed",
      "fourth acknowledged",
      "fourth cancelled",
      "second cancelled",
    ]);
  });

  it("are acknowledged first, and hear of every process in order", async () => {
    const notifications = { resourceSubscriptions: [uri], toolsListChanged: true };
    const stream = await ask(one, "subscriptions/listen", { notifications, _meta: meta }, headers);
    const { heard, over } = hearing(stream);
    await poll(() => (heard.length > 0 ? true : undefined), "it is acknowledged");
    other.server.changed("resource", uri);
    other.server.changed("tools");
    other.server.changed("prompts");
    other.server.changed("resource", uri);
    await poll(() => (heard.length > 3 ? true : undefined), "what was asked for is heard");
    expect(heard.map(({ data }) => (JSON.parse(data) as { method: string }).method)).toEqual([
      "notifications/subscriptions/acknowledged",
      "notifications/resources/updated",
      "notifications/tools/list_changed",
      "notifications/resources/updated",
    ]);
    await one.managers.subscriptionManager.closeAll();
    await over;
  });
});

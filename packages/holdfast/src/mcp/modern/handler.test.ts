/** The 2026-07-28 era as a client meets it: real requests through the real gate, over the fetch face. */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from "@modelcontextprotocol/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { holdfast } from "../../hold.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import type { Hold } from "../../state/hold.ts";
import { kind } from "../../state/kind.ts";
import { servingHold } from "../../state/open-hold.ts";
import { EventBus } from "../bus/bus.ts";
import { ConnectionRegistry } from "../connections.ts";
import { fetchFace } from "../faces/fetch.ts";
import { Addresses } from "../http/addresses.ts";
import { Gate } from "../http/gate.ts";
import { InFlight } from "../http/in-flight.ts";
import { instanceFactory } from "../instance.ts";
import { resolveServeOptions } from "../options.ts";
import { reply } from "../reply.ts";
import { type LosablePlaces, losablePlaces } from "../sessions/losable-places.test-kit.ts";
import { MissedIds } from "../sessions/missed-ids.ts";
import { StreamSlots } from "../sessions/slots.ts";
import type { Connections } from "../types.ts";
import { createStatelessEndpoint, type StatelessEndpoint } from "./handler.ts";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }), idle: "24h" });
const AddItem = z.object({ basket: Basket.id, sku: z.string() });
const alice: Principal = { issuer: "token", subject: "alice", scopes: ["a"], clientId: "cli" };
const bob: Principal = { issuer: "token", subject: "bob", scopes: [] };

const info = { name: "shop", version: "1.0.0", instructions: "Buy things." };

let places: LosablePlaces;
let slots: StreamSlots;
let view: Connections;
let maxStreamAgeMs = 60_000;
let hold: Hold<readonly [typeof Basket]>;
let endpoint: StatelessEndpoint;
let bus: EventBus;
let face: ReturnType<typeof fetchFace>;
let errors: unknown[];
let built: number;

beforeEach(async () => {
  errors = [];
  built = 0;
  hold = await holdfast({ store: "memory:", kinds: [Basket] });
  const options = resolveServeOptions({
    onError: (error) => errors.push(error),
    limits: { maxStreams: 3, maxStreamsPerPrincipal: 2, maxStreamAgeMs },
    server: { capabilities: { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } } },
  });
  const connections = new ConnectionRegistry(100);
  bus = new EventBus(servingHold(hold).store, (error) => errors.push(error));
  const instance = instanceFactory({
    hold,
    info,
    options,
    bus,
    missed: new MissedIds(60),
    addresses: new Addresses(),
    calls: new InFlight(options.limits),
    connections,
    build: (server, { state, principal, session, notify, era }) => {
      built += 1;
      server.registerTool("create_basket", {}, () => reply(state.basket.create()));
      server.registerTool("add_item", { inputSchema: AddItem }, ({ basket, sku }) =>
        reply(
          state.basket.update(basket, (draft) => {
            draft.items.push(sku);
          }),
        ),
      );
      server.registerTool("who", {}, (context) =>
        reply({ subject: principal.subject, session: session?.id ?? null, era, auth: context.http?.authInfo }),
      );
      server.registerTool("touch", { inputSchema: z.object({ uri: z.string() }) }, ({ uri }) => {
        notify.resourceUpdated(uri);
        return reply({});
      });
      server.registerTool("progress", {}, async (context) => {
        await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken: 1, progress: 1 } });
        return reply({ done: true });
      });
    },
  });
  view = connections.view(() => ({ streams: slots.taken, warm: 0 }));
  const { maxStreams, maxStreamsPerPrincipal } = options.limits;
  places = losablePlaces(maxStreamsPerPrincipal);
  slots = new StreamSlots({ max: maxStreams, places });
  endpoint = createStatelessEndpoint({ instance, info, bus, connections, slots, options });
  const sessions = { handle: () => Promise.reject(new Error("no session was asked for")) };
  face = fetchFace(new Gate(options, { sessions, stateless: endpoint }, connections), connections);
});
afterEach(async () => {
  await endpoint.close();
  expect(bus.listeners).toBe(0);
  await bus.close();
  await hold.close();
});

type Ask = {
  principal?: Principal;
  headers?: Record<string, string>;
  version?: string;
  meta?: Record<string, unknown>;
  signal?: AbortSignal;
};

function ask(method: string, params: Record<string, unknown> = {}, given: Ask = {}): Promise<Response> {
  const { principal = alice, headers = {}, version = "2026-07-28", signal } = given;
  const name = typeof params["name"] === "string" ? { "mcp-name": params["name"] } : {};
  const meta = given.meta ?? {
    [PROTOCOL_VERSION_META_KEY]: version,
    [CLIENT_INFO_META_KEY]: { name: "c", version: "1" },
    [CLIENT_CAPABILITIES_META_KEY]: {},
  };
  return face(
    new Request("http://localhost/mcp", {
      method: "POST",
      headers: {
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": version,
        "mcp-method": method,
        ...name,
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } }),
      ...(signal === undefined ? {} : { signal }),
    }),
    { principal },
  );
}

async function call(name: string, given: Record<string, unknown> = {}, as: Ask = {}): Promise<Record<string, unknown>> {
  const answer = (await (await ask("tools/call", { name, arguments: given }, as)).json()) as {
    result: Record<string, unknown>;
  };
  return answer.result;
}

describe("a 2026-07-28 request", () => {
  it("reaches the caller's state and nobody else's", async () => {
    const created = await call("create_basket");
    const { basket } = created["structuredContent"] as { basket: string };
    expect(created["structuredContent"]).toEqual({
      basket,
      version: 1,
      value: { items: [] },
      expires_at: expect.stringMatching(/Z$/),
    });
    expect(await call("add_item", { basket, sku: "tea" })).toMatchObject({
      structuredContent: { version: 2, value: { items: ["tea"] } },
    });
    const foreign = await call("add_item", { basket, sku: "tea" }, { principal: bob });
    const unknown = await call("add_item", { basket: `${basket}x`, sku: "tea" }, { principal: bob });
    expect(foreign).toMatchObject({ isError: true, structuredContent: { error: { code: "not_found" } } });
    expect(unknown["content"]).toEqual(foreign["content"]);
    expect(unknown["structuredContent"]).toEqual(foreign["structuredContent"]);
    expect(errors).toEqual([]);
  });

  it("knows its principal and no session", async () => {
    expect((await call("who"))["structuredContent"]).toEqual({
      subject: "alice",
      session: null,
      era: "2026",
      auth: { token: "", clientId: "cli", scopes: ["a"], extra: { issuer: "token", subject: "alice" } },
    });
  });

  it("discovers the server with its instructions", async () => {
    const answer = (await (await ask("server/discover")).json()) as { result: unknown };
    expect(answer.result).toMatchObject({ instructions: "Buy things.", supportedVersions: ["2026-07-28"] });
    expect(JSON.stringify(answer)).toContain('"name":"shop"');
  });

  it("streams where a tool says something before its result", async () => {
    const response = await ask("tools/call", { name: "progress", arguments: {} });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const text = await response.text();
    expect(text.indexOf("notifications/progress")).toBeLessThan(text.indexOf('"done":true'));
  });

  it.each([
    ["header and body disagree", "tools/list", { headers: { "mcp-protocol-version": "2025-11-25" } }, 400, -32020],
    ["the method header disagrees", "tools/list", { headers: { "mcp-method": "tools/call" } }, 400, -32020],
    ["the version is unknown", "tools/list", { version: "2099-01-01" }, 400, -32022],
    ["the method is unknown", "tools/unknown", {}, 404, -32601],
    ["the envelope is missing", "tools/list", { meta: {} }, 400, -32602],
  ] as const)("is refused where %s", async (_name, method, given, status, code) => {
    const response = await ask(method, {}, given);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ jsonrpc: "2.0", id: 1, error: { code } });
    expect(await hold.usage(alice)).toMatchObject({ records: 0 });
    expect(errors).toEqual([]);
  });

  it("is refused in a batch", async () => {
    const message = {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/list",
      params: { _meta: { [PROTOCOL_VERSION_META_KEY]: "2026-07-28" } },
    };
    const response = await face(
      new Request("http://localhost/mcp", {
        method: "POST",
        headers: { accept: "*/*", "content-type": "application/json" },
        body: JSON.stringify([message]),
      }),
    );
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: -32600 } });
    expect(built).toBe(0);
  });
});

describe("a subscription", () => {
  async function listen(principal: Principal, signal: AbortSignal): Promise<() => Promise<string>> {
    const params = { notifications: { toolsListChanged: true, resourceSubscriptions: ["basket://1"] } };
    const response = await ask("subscriptions/listen", params, { principal, signal });
    const reader = response.body?.getReader();
    return async () => Buffer.from((await reader?.read())?.value ?? []).toString();
  }

  it("names so many resources and no more, since whatever it names is kept as long as it is open", async () => {
    const asking = (uris: readonly string[], signal: AbortSignal): Promise<Response> =>
      ask("subscriptions/listen", { notifications: { resourceSubscriptions: uris } }, { principal: alice, signal });
    const end = new AbortController();
    const uris = Array.from({ length: 257 }, (_, n) => `basket://${n}`);
    const refused = await asking(uris, end.signal);
    expect([refused.status, await refused.json()]).toEqual([
      400,
      {
        jsonrpc: "2.0",
        error: { code: -32602, message: expect.stringContaining("at most 256 resources") },
        id: expect.any(Number),
      },
    ]);
    expect((await asking([`basket://${"x".repeat(3_000)}`], end.signal)).status).toBe(400);
    expect(slots.taken).toBe(0);
    expect((await asking(uris.slice(1), end.signal)).status).toBe(200);
    end.abort();
  });

  it("hears what concerns everybody or its own principal", async () => {
    const ends = [new AbortController(), new AbortController()] as const;
    const [mine, theirs] = [await listen(alice, ends[0].signal), await listen(bob, ends[1].signal)];
    expect([await mine(), await theirs()].every((text) => text.includes("acknowledged"))).toBe(true);
    await call("touch", { uri: "basket://1" });
    expect(await mine()).toContain("basket://1");
    bus.notifier().toolsChanged();
    // The stranger's next message is this one: nothing of the caller's own came before it.
    expect(await theirs()).toContain("tools/list_changed");
    expect(await mine()).toContain("tools/list_changed");
    for (const end of ends) end.abort();
  });

  it("hears from another process on the same store", async () => {
    const end = new AbortController();
    const mine = await listen(alice, end.signal);
    await mine();
    const elsewhere = new EventBus(servingHold(hold).store, (error) => errors.push(error));
    elsewhere.notifier(ownerOfPrincipal(bob)).resourceUpdated("basket://1");
    elsewhere.notifier(ownerOfPrincipal(alice)).resourceUpdated("basket://1");
    expect(await mine()).toContain("basket://1");
    end.abort();
  });

  it("is refused with 429 beyond what its principal may have, and what the node may, and not counted for ever", async () => {
    const open = new AbortController();
    await listen(alice, open.signal);
    const second = new AbortController();
    await listen(alice, second.signal);
    const params = { notifications: { toolsListChanged: true } };
    const own = await ask("subscriptions/listen", params, { principal: alice });
    expect([own.status, own.headers.get("retry-after"), await own.json()]).toEqual([
      429,
      "5",
      { jsonrpc: "2.0", error: { code: -32000, message: "Too many streams are open" }, id: 1 },
    ]);
    await listen(bob, open.signal);
    const nodes = await ask("subscriptions/listen", params, { principal: bob });
    expect([nodes.status, await nodes.json()]).toEqual([
      429,
      { jsonrpc: "2.0", error: { code: -32000, message: "Too many streams are open at this node" }, id: 1 },
    ]);
    expect(view.streams).toBe(3);
    second.abort();
    await expect.poll(() => slots.taken).toBe(2);
    await listen(bob, open.signal);
    open.abort();
    await expect.poll(() => view.streams).toBe(0);
    // What the SDK refuses has never been a stream.
    expect((await ask("subscriptions/listen", {}, { principal: alice })).status).not.toBe(429);
    expect(view.streams).toBe(0);
  });

  it("ends in order when others have taken its place", async () => {
    const next = await listen(alice, new AbortController().signal);
    await next();
    places.loseAll();
    expect(await next()).toContain('"resultType":"complete"');
    expect([await next(), slots.taken]).toEqual(["", 0]);
  });

  it("ends in order when the server closes", async () => {
    const open = new AbortController();
    const streams = [await listen(alice, open.signal), await listen(bob, open.signal)];
    for (const next of streams) await next();
    const last = streams.map((next) => next());
    await endpoint.close();
    for (const text of await Promise.all(last)) expect(text).toContain('"resultType":"complete"');
  });

  describe("that is old", () => {
    beforeAll(() => (maxStreamAgeMs = 100));
    afterAll(() => (maxStreamAgeMs = 60_000));

    it("ends in the order that the SDK ends one", async () => {
      const next = await listen(alice, new AbortController().signal);
      await next();
      const aged = await next();
      expect([await next(), slots.taken]).toEqual(["", 0]);
      const other = await listen(alice, new AbortController().signal);
      await other();
      const last = other();
      await endpoint.close();
      expect(aged).toBe(await last);
    });
  });
});

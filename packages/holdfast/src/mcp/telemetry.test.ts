/** What serve() tells the outside, end to end: an SDK in memory, real requests, a real store. */
import { trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { holdfast } from "../hold.ts";
import { openStore } from "../open.ts";
import { ownerOfPrincipal, type Principal } from "../security/principal.ts";
import type { Hold, HoldOptions } from "../state/hold.ts";
import { kind } from "../state/kind.ts";
import type { StateChange } from "../telemetry/state-change.ts";
import { reply } from "./reply.ts";
import { textUntil } from "./serve.test-kit.ts";
import { serve } from "./serve.ts";
import { Sdk } from "./telemetry.test-kit.ts";
import type { App } from "./types.ts";

const alice: Principal = { issuer: "token", subject: "alice", scopes: [], clientId: "cli" };
const Basket = kind("basket", {
  schema: z.object({ items: z.array(z.string()) }),
  initial: () => ({ items: [] }),
});
const traceId = "0af7651916cd43dd8448eb211c80319c";
const meta = { traceparent: `00-${traceId}-b7ad6b7169203331-01`, tracestate: "vendor=1" };
const initialize = {
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } },
};

let sdk: Sdk;
let hold: Hold<readonly [typeof Basket]>;
let app: App;
let changes: StateChange[];
let ids = 0;
/** What somebody else does while the tool "overtake" decides. */
let overtake: (id: string) => Promise<unknown> = () => Promise.resolve();

async function open(options: Partial<HoldOptions> = {}): Promise<void> {
  changes = [];
  const opened = await holdfast({
    store: "memory:",
    telemetry: sdk.options,
    onStateChange: (change) => changes.push(change),
    ...options,
    kinds: [Basket],
  });
  hold = opened;
  app = serve(opened, { name: "s", version: "1" }, (server, { state }) => {
    server.registerTool("add", { inputSchema: z.object({ item: z.string() }) }, async ({ item }) => {
      const { id } = await state.basket.create();
      return reply(state.basket.update(id, (basket) => void basket.items.push(item)));
    });
    server.registerTool("overtake", { inputSchema: z.object({ id: z.string() }) }, async ({ id }) => {
      let overtaken = false;
      return reply(
        state.basket.update(id, async (basket) => {
          if (!overtaken) await overtake(id);
          overtaken = true;
          basket.items.push("coffee");
        }),
      );
    });
    server.registerTool("lose", {}, () => reply(state.basket.get("bas_00000000000000000000000000")));
  });
}

beforeEach(() => {
  sdk = new Sdk();
});

afterEach(async () => {
  await app.close();
  await hold.close();
  await sdk[Symbol.asyncDispose]();
});

async function post(message: object, session?: string, principal: Principal = alice): Promise<Response> {
  ids += 1;
  const headers = {
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    ...(session !== undefined && { "mcp-session-id": session }),
  };
  const body = JSON.stringify({ jsonrpc: "2.0", id: ids, ...message });
  return await app(new Request("http://localhost/mcp", { method: "POST", headers, body }), { principal });
}

async function connect(): Promise<string> {
  const answer = await post(initialize);
  await answer.text();
  return answer.headers.get("mcp-session-id") ?? "";
}

async function call(session: string, name: string, args: object = {}, extra: object = {}): Promise<unknown> {
  const answer = await post({ method: "tools/call", params: { name, arguments: args, ...extra } }, session);
  return await answer.json();
}

describe("a trace", () => {
  it("goes from the caller's context through tool call, state operation and statement", async () => {
    await open();
    const session = await connect();
    sdk.forgetSpans();
    await call(session, "add", { item: "tea" }, { _meta: meta });

    const tool = spanNamed("tools/call add");
    expect(tool.spanContext().traceId).toBe(traceId);
    expect(tool.parentSpanContext?.spanId).toBe("b7ad6b7169203331");
    expect(tool.parentSpanContext?.traceState?.get("vendor")).toBe("1");
    const create = spanNamed("create basket");
    const update = spanNamed("update basket");
    for (const operation of [create, update]) expect(isChild(operation, tool)).toBe(true);
    const statements = sdk.spans.filter(({ attributes }) => attributes["db.system.name"] === "memory");
    const below = (operation: ReadableSpan): string[] =>
      statements.filter((statement) => isChild(statement, operation)).map(({ name }) => name);
    expect(below(create)).toEqual(["commit"]);
    expect(below(update)).toEqual(["read", "commit"]);
    expect(JSON.stringify(sdk.spans.map(({ name, attributes }) => [name, attributes]))).not.toContain("tea");
  });

  it("of a failed call says so", async () => {
    await open();
    await call(await connect(), "lose");
    expect(spanNamed("tools/call lose").attributes["error.type"]).toBe("not_found");
    expect(spanNamed("get basket").attributes["error.type"]).toBe("NOT_FOUND");
  });

  it.each([
    { traceparent: "00-00000000000000000000000000000000-b7ad6b7169203331-01" },
    { traceparent: "nonsense" },
    { traceparent: `00-${traceId}-b7ad6b7169203331-01-more` },
    { traceparent: 7 },
  ])("starts anew after $traceparent", async (odd) => {
    await open();
    await call(await connect(), "add", { item: "tea" }, { _meta: odd });
    expect(spanNamed("tools/call add").parentSpanContext).toBeUndefined();
  });
});

describe("metrics", () => {
  it("count calls, errors, commits and sessions", async () => {
    await open();
    const session = await connect();
    await call(session, "add", { item: "tea" });
    await call(session, "lose");
    await call(session, "made-up-by-a-client");
    const points = await sdk.points();
    const operation = (rest: string): number | undefined =>
      points.get(`mcp.server.operation.duration{${rest}mcp.method.name=tools/call}`);
    expect(operation("gen_ai.tool.name=add,")).toBe(1);
    expect(operation("error.type=not_found,gen_ai.tool.name=lose,")).toBe(1);
    expect(operation("error.type=-32602,gen_ai.tool.name=_OTHER,")).toBe(1);
    expect(points.get("holdfast.tool.errors{code=not_found,gen_ai.tool.name=lose}")).toBe(1);
    expect(points.get("holdfast.commits{outcome=applied}")).toBeGreaterThanOrEqual(3);
    expect(points.get("holdfast.state.changes{change=created,kind=basket}")).toBe(1);
    expect(points.get("holdfast.updates{}")).toBe(1);
    expect(points.get("holdfast.sessions{state=idle}")).toBe(1);
    expect([...points.keys()].join("\n")).not.toContain("made-up");
  });

  it("tell how long hints take, from one collection to the next", async () => {
    await open();
    await sdk.points();
    await expect.poll(async () => (await sdk.points()).get("holdfast.hint.lag{}")).toBeGreaterThan(0);
  });

  it("are read of a hold only as long as it is open", async () => {
    await open();
    expect((await sdk.points()).get("holdfast.updates{}")).toBe(0);
    await call(await connect(), "add", { item: "tea" });
    await app.close();
    await hold.close();
    expect((await sdk.points()).get("holdfast.updates{}")).toBe(0);
  });
});

describe("where no SDK is registered", () => {
  it("nothing is wrapped, and nothing is told", async () => {
    await open({ telemetry: {} });
    const session = await connect();
    await call(session, "add", { item: "tea" });
    expect(sdk.spans).toEqual([]);
    expect([...(await sdk.points()).keys()]).toEqual([]);
  });

  it("one that is registered with the API is found by itself", async () => {
    trace.setGlobalTracerProvider(sdk.options.tracerProvider ?? trace.getTracerProvider());
    try {
      await open({ telemetry: {} });
      await call(await connect(), "add", { item: "tea" });
      expect(spanNamed("update basket")).toBeDefined();
    } finally {
      trace.disable();
    }
  });
});

describe("changes of state", () => {
  it("tell of sessions and of the kinds of the hold, with hashed ids", async () => {
    await open();
    const session = await connect();
    await call(session, "add", { item: "tea" });
    await app(deletion(session), { principal: alice });
    expect(changes.map(({ change, kind: of }) => `${change} ${of}`)).toEqual([
      "created session",
      "created basket",
      "ended session",
    ]);
    const [created, , ended] = changes;
    expect(created?.idHash).toMatch(/^[0-9a-f]{12}$/);
    expect(ended?.idHash).toBe(created?.idHash);
    expect(session).not.toContain(created?.idHash);
  });

  it("tell who names a session without its secret, and as another client", async () => {
    await open();
    const session = await connect();
    const forged = `${session.split(".")[0]}.${"A".repeat(session.split(".")[1]?.length ?? 43)}`;
    expect((await post({ method: "tools/list" }, forged)).status).toBe(404);
    expect((await post({ method: "tools/list" }, session, { ...alice, clientId: "web" })).status).toBe(404);
    expect(changes.flatMap((change) => (change.change === "foreign_attempt" ? [change.reason] : []))).toEqual([
      "secret",
      "client",
    ]);
    const points = await sdk.points();
    expect(points.get("holdfast.session.missed{reason=secret}")).toBe(1);
  });

  it("tell of a session that another process began", async () => {
    await open();
    const session = await connect();
    const other = serve(hold, { name: "s", version: "1" }, () => undefined);
    const first = app;
    app = other;
    try {
      await (await post({ method: "ping" }, session)).text();
    } finally {
      await first.close();
    }
    expect(changes.map(({ change }) => change)).toEqual(["created", "adopted"]);
  });

  it("tell what expires, once it is removed", async () => {
    await open({ sessions: { idle: "1s", absolute: "1s" }, reap: { every: "100ms" } });
    await connect();
    await expect.poll(() => changes.map(({ change }) => change), { timeout: 20_000 }).toEqual(["created", "expired"]);
  });

  it("tell of a conflict by whose tool it came about", async () => {
    await using store = await openStore("memory:");
    await open({ store });
    const { id } = await hold.state(alice).basket.create();
    overtake = () =>
      store.commit(ownerOfPrincipal(alice), [
        { kind: "basket", id, expect: "present", document: { text: '{"items":["tea"]}' } },
      ]);
    const answer = await call(await connect(), "overtake", { id });
    expect(JSON.stringify(answer)).toContain("coffee");
    const conflict = changes.find(({ change }) => change === "conflict");
    expect(conflict).toEqual({
      change: "conflict",
      kind: "basket",
      idHash: expect.stringMatching(/^[0-9a-f]{12}$/),
      retries: 0,
      tool: "overtake",
    });
  });

  it("tell of a conflict once for each time, and that an update gave up", async () => {
    await using store = await openStore("memory:");
    await open({ store });
    const basket = hold.state(alice).basket;
    const { id } = await basket.create();
    const key = { kind: "basket", id };
    let others = 1;
    const interfere = async (): Promise<void> => {
      if (others === 0) return;
      others -= 1;
      const text = JSON.stringify({ items: [String(others)] });
      await store.commit(ownerOfPrincipal(alice), [{ ...key, expect: "present", document: { text } }]);
    };
    const add = (): Promise<unknown> =>
      basket.update(id, async (draft) => {
        await interfere();
        draft.items.push("tea");
      });
    await add();
    const conflicts = (): readonly StateChange[] => changes.filter(({ change }) => change.startsWith("conflict"));
    const { idHash } = conflicts()[0] ?? { idHash: undefined };
    expect(conflicts()).toEqual([{ change: "conflict", kind: "basket", idHash, retries: 0 }]);
    others = Number.POSITIVE_INFINITY;
    await expect(add()).rejects.toMatchObject({ code: "CONTENTION" });
    const last = conflicts().at(-1);
    expect(last).toEqual({ change: "conflict_exhausted", kind: "basket", idHash, retries: conflicts().length - 2 });
    const points = await sdk.points();
    expect(points.get("holdfast.update.conflicts{kind=basket}")).toBe(conflicts().length - 1);
    expect(points.get("holdfast.update.exhausted{kind=basket}")).toBe(1);
    // Only the update that came through has a number of retries.
    expect(points.get("holdfast.update.retries{}")).toBe(1);
  });

  it("tell of changes that gave up in the queue of their record, whatever those before them came to", async () => {
    await open();
    const basket = hold.state(alice).basket;
    const { id } = await basket.create();
    let free: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (free = resolve));
    const first = basket.update(id, () => held);
    const behind = Array.from({ length: 1_000 }, () => basket.update(id, () => undefined));
    await expect(basket.update(id, () => undefined)).rejects.toMatchObject({ code: "CONTENTION" });
    const turnedAway = changes.filter(({ change }) => change === "turned_away");
    expect(turnedAway).toEqual([
      { change: "turned_away", kind: "basket", idHash: turnedAway[0]?.idHash, reason: "crowded" },
    ]);
    free();
    await Promise.all([first, ...behind]);

    // One that waits for itself is told after ten seconds; the update around it has told nothing more.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const nested = basket.update(id, () => basket.update(id, () => undefined) as Promise<never>);
      let thrown: unknown;
      nested.catch((error: unknown) => (thrown = error));
      for (let step = 0; thrown === undefined && step < 1_000; step += 1) await vi.advanceTimersByTimeAsync(100);
      expect(thrown).toMatchObject({ code: "CONTENTION" });
    } finally {
      vi.useRealTimers();
    }
    expect(changes.flatMap((told) => (told.change === "turned_away" ? [told.reason] : []))).toEqual([
      "crowded",
      "waited",
    ]);
    const points = await sdk.points();
    expect(points.get("holdfast.update.turned_away{kind=basket,reason=crowded}")).toBe(1);
    expect(points.get("holdfast.update.turned_away{kind=basket,reason=waited}")).toBe(1);
  });

  it("tell of a session that gave way to another, and of a stream that was taken over", async () => {
    await open();
    await app.close();
    app = serve(hold, { name: "s", version: "1" }, () => undefined, { limits: { maxWarmInstances: 1 } });
    const first = await connect();
    await connect();
    expect(changes.map(({ change }) => change)).toContain("evicted");
    const listen = (headers: Record<string, string> = {}): Promise<Response> =>
      app(
        new Request("http://localhost/mcp", {
          headers: { accept: "text/event-stream", "mcp-session-id": first, ...headers },
        }),
        { principal: alice },
      );
    const standing = await listen();
    const lastEventId = /^id: (.+)$/m.exec(await textUntil(standing, "\n\n"))?.[1] ?? "";
    const newer = await listen();
    const newest = await listen({ "last-event-id": lastEventId });
    await expect.poll(() => changes.some(({ change }) => change === "takeover")).toBe(true);
    await Promise.all([newer.body?.cancel(), newest.body?.cancel()]);
    expect((await sdk.points()).get("holdfast.stream.resumes{}")).toBe(1);
  });

  it("a listener that throws stops nothing", async () => {
    const errors: unknown[] = [];
    const broken = (): never => {
      throw new Error("broken");
    };
    await open({ onStateChange: broken, onError: (error) => errors.push(error) });
    expect(await connect()).not.toBe("");
    expect(errors).toEqual([new Error("broken")]);
  });
});

function deletion(session: string): Request {
  return new Request("http://localhost/mcp", { method: "DELETE", headers: { "mcp-session-id": session } });
}

function spanNamed(name: string): ReadableSpan {
  const span = sdk.spans.find((candidate) => candidate.name === name);
  if (span === undefined) throw new Error(`no span ${name} among ${sdk.spans.map((other) => other.name).join(", ")}`);
  return span;
}

function isChild(span: ReadableSpan, parent: ReadableSpan): boolean {
  return span.parentSpanContext?.spanId === parent.spanContext().spanId;
}

/** A served app whose memory is as full as the test says, and one with as many sessions in use as it may have. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { holdfast } from "../../hold.ts";
import { openStore } from "../../open.ts";
import type { Hold, HoldWarning } from "../../state/hold.ts";
import { around } from "../../store/around.ts";
import type { Store } from "../../store/contract.ts";
import { reply } from "../reply.ts";
import { textUntil } from "../serve.test-kit.ts";
import { serve } from "../serve.ts";
import { Sdk } from "../telemetry.test-kit.ts";
import type { App, ServeLimits } from "../types.ts";
import type { MemoryReading } from "./memory-gauge.ts";
import { memoryGauge } from "./relieve.ts";

let sdk: Sdk;
let store: Store;
let hold: Hold;
let app: App;
let warnings: HoldWarning[];
let shed: number;
let share: number;
let letGo: () => void;

async function start(limits: Partial<ServeLimits> = {}): Promise<void> {
  const gauge = {
    read: (): MemoryReading => ({ usedBytes: share * 1_000, limitBytes: 1_000 }),
    [Symbol.dispose]: () => undefined,
  };
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  hold = await holdfast({
    store: around(store, { shed: () => void (shed += 1) }),
    telemetry: sdk.options,
    onWarning: (warning) => warnings.push(warning),
  });
  app = serve(
    hold,
    { name: "s", version: "1" },
    (server, { session }) => {
      server.registerTool("count", {}, () => reply(session?.increment("n")));
      server.registerTool("work", {}, () => reply(released.then(() => ({ worked: true }))));
    },
    { limits, [memoryGauge]: gauge } as Parameters<typeof serve>[3],
  );
}

beforeEach(async () => {
  [sdk, store, warnings, shed, share] = [new Sdk(), await openStore("memory:"), [], 0, 0.3];
});

afterEach(async () => {
  letGo();
  await app.close();
  await hold.close();
  await store.close();
  await sdk[Symbol.asyncDispose]();
});

function post(method: string, params: object, session?: string): Promise<Response> {
  const headers = {
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    ...(session !== undefined && { "mcp-session-id": session }),
  };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  return app(new Request("http://localhost/mcp", { method: "POST", headers, body }));
}

function initialize(): Promise<Response> {
  const clientInfo = { name: "c", version: "1" };
  return post("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
}

async function connect(): Promise<string> {
  const answer = await initialize();
  await answer.text();
  return answer.headers.get("mcp-session-id") ?? "";
}

const call = (name: string, session: string): Promise<Response> => post("tools/call", { name, arguments: {} }, session);

/** Everything a client sees of a refusal. */
async function seen(answer: Response): Promise<readonly unknown[]> {
  return [answer.status, answer.headers.get("retry-after"), answer.headers.get("mcp-session-id"), await answer.json()];
}

const unavailable = { jsonrpc: "2.0", error: { code: -32603, message: "Service unavailable" }, id: null };

async function until(done: () => boolean): Promise<void> {
  await expect.poll(done, { timeout: 20_000, interval: 20 }).toBe(true);
}

describe("where memory is short", () => {
  it("caches and idle instances go, then new sessions are refused; what stands goes on, and all comes back", async () => {
    await start();
    const sessions = await Promise.all([connect(), connect(), connect(), connect(), connect()]);
    expect(app.connections.warm).toBe(5);
    const working = call("work", sessions[0] ?? "");
    await until(() => app.connections.callsInFlight === 1);
    share = 0.82;
    await until(() => warnings.some(({ code }) => code === "memory-refusing"));
    expect(shed).toBe(1);
    expect(app.connections).toMatchObject({ warm: 1, sessionsInUse: 1 });
    expect(warnings.map(({ code }) => code)).toEqual(["memory-high", "memory-shedding", "memory-refusing"]);
    expect(warnings[0]).toMatchObject({ details: { usedBytes: 820, limitBytes: 1_000 } });
    expect(await seen(await initialize())).toEqual([503, "5", null, unavailable]);
    const stream = await app.httpSse.fetch(
      new Request("http://localhost/sse", { headers: { accept: "text/event-stream" } }),
    );
    expect(stream.status).toBe(503);
    for (const session of sessions) expect((await call("count", session)).status).toBe(200);
    letGo();
    expect(await (await working).json()).toMatchObject({ result: { structuredContent: { worked: true } } });
    share = 0.5;
    await until(() => warnings.at(-1)?.code === "memory-eased");
    expect((await initialize()).status).toBe(200);
    const points = await sdk.points();
    expect(points.get("holdfast.memory.share{}")).toBe(0.5);
    expect(points.get("holdfast.memory.relieved{step=instances}")).toBeGreaterThanOrEqual(4);
    expect(points.get("holdfast.memory.relieved{step=new_sessions}")).toBe(1);
    expect(points.get("holdfast.limit.refused{limit=memory}")).toBe(2);
  }, 60_000);
});

describe("with as many sessions in use as a node may have", () => {
  it("others are sent elsewhere, whoever is in use goes on, and there is room again once somebody is done", async () => {
    await start({ maxSessionsInUse: 2 });
    const [one, two, three] = [await connect(), await connect(), await connect()];
    const working = [call("work", one), call("work", two)];
    await until(() => app.connections.sessionsInUse === 2);
    expect(await seen(await call("count", three))).toEqual([503, "1", null, unavailable]);
    expect(await seen(await initialize())).toEqual([503, "1", null, unavailable]);
    expect((await call("count", one)).status).toBe(200);
    letGo();
    for (const answer of await Promise.all(working)) expect(answer.status).toBe(200);
    await until(() => app.connections.sessionsInUse === 0);
    expect((await call("count", three)).status).toBe(200);
    expect((await sdk.points()).get("holdfast.limit.refused{limit=node_sessions}")).toBe(2);
  });

  it("connections of the deprecated transport count among them", async () => {
    await start({ maxSessionsInUse: 1 });
    const gone = new AbortController();
    const open = (): Promise<Response> =>
      app.httpSse.fetch(
        new Request("http://localhost/sse", { headers: { accept: "text/event-stream" }, signal: gone.signal }),
      );
    const first = await open();
    await textUntil(first, "endpoint").catch(() => undefined);
    const second = await open();
    expect([first.status, second.status]).toEqual([200, 200]);
    expect((await open()).status).toBe(503);
    gone.abort();
    await second.body?.cancel();
  });
});

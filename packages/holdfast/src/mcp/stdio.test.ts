import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { holdfast } from "../hold.ts";
import { localUser } from "../security/principal.ts";
import type { Hold, HoldOptions } from "../state/hold.ts";
import type { Store } from "../store/contract.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { reply } from "./reply.ts";
import { serve } from "./serve.ts";
import { Pipe } from "./stdio.test-kit.ts";
import type { App, ServeOptions, StdioHandle, StdioOptions } from "./types.ts";

const envelope = {
  [PROTOCOL_VERSION_META_KEY]: "2026-07-28",
  [CLIENT_INFO_META_KEY]: { name: "c", version: "1" },
  [CLIENT_CAPABILITIES_META_KEY]: {},
};

let store: Store;
let hold: Hold;
let app: App;
let errors: unknown[];
let waiting: { reached: () => void; go: Promise<void> } | undefined;

async function open(options: ServeOptions = {}, holdOptions: Partial<HoldOptions> = {}): Promise<void> {
  hold = await holdfast({ store, ...holdOptions, kinds: [] });
  app = serve(
    hold,
    { name: "s", version: "1" },
    (server, { session, principal, connection, era }) => {
      server.registerTool("visit", {}, async () => {
        const seen = connection.get("seen") ?? false;
        connection.set("seen", true);
        const visits = session === undefined ? 0 : (await session.increment("visits")).value;
        return reply({ era, seen, visits, session: session?.id ?? null, user: principal.subject });
      });
      server.registerResource("one", "test://one", {}, (uri) => ({ contents: [{ uri: uri.href, text: "1" }] }));
      server.registerTool("wait", {}, async () => {
        waiting?.reached();
        await waiting?.go;
        return reply({ waited: true });
      });
      server.registerTool("fail", { inputSchema: z.object({ n: z.number() }) }, () => reply({}));
    },
    { ...options, onError: (error) => errors.push(error) },
  );
}

async function shut(): Promise<void> {
  await app.close();
  await hold.close();
}

beforeEach(async () => {
  errors = [];
  waiting = undefined;
  store = await memoryStore({});
  await open();
});
afterEach(async () => {
  await shut();
  await store.close();
});

function gate(): { reached: Promise<void>; open: () => void } {
  let reached: () => void = () => undefined;
  let open: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => {
    reached = resolve;
  });
  waiting = {
    reached,
    go: new Promise<void>((resolve) => {
      open = resolve;
    }),
  };
  return { reached: arrived, open };
}

function endsOf({ stdin, stdout }: Required<StdioOptions>): StdioOptions {
  return { stdin, stdout };
}

describe("a 2025-era connection over stdio", () => {
  it("has a session of its own from initialize on, which outlives connection and process", async () => {
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    expect((await hold.sessions(localUser).list()).records).toEqual([]);
    expect((await pipe.initialize()).result).toMatchObject({
      protocolVersion: "2025-11-25",
      serverInfo: { name: "s" },
    });
    const { records } = await hold.sessions(localUser).list();
    expect(records).toHaveLength(1);
    const first = await pipe.call("visit");
    expect(first).toEqual({ era: "2025", seen: false, visits: 1, session: records[0]?.id, user: "user" });
    expect(await pipe.call("visit")).toMatchObject({ seen: true, visits: 2 });
    await pipe.call("fail", { n: "x" });
    pipe.stdin.end();
    await handle.closed;
    await shut();
    await open();
    const session = hold.sessions(localUser).open(String(first["session"]));
    const { view, turns } = await session.context();
    expect(view.counters.get("visits")).toBe(2);
    expect(turns.map(({ tool, ok, input }) => ({ tool, ok, input }))).toEqual([
      { tool: "visit", ok: true, input: {} },
      { tool: "visit", ok: true, input: {} },
      { tool: "fail", ok: false, input: { n: "x" } },
    ]);
    expect(await session.end()).toBe(true);
    expect((await hold.sessions(localUser).list()).records).toEqual([]);
    expect(errors).toEqual([]);
  });

  it("leaves nothing behind where initialize fails", async () => {
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    expect((await pipe.ask("initialize", { protocolVersion: 5 })).error).toBeDefined();
    expect((await hold.sessions(localUser).list()).records).toEqual([]);
    expect(await hold.usage(localUser)).toMatchObject({ records: 0 });
    await handle.close();
  });

  it("refuses a second initialize, as HTTP does, and goes on with the session", async () => {
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    await pipe.initialize();
    const { session } = await pipe.call("visit");
    expect((await pipe.initialize()).error).toMatchObject({ code: -32600 });
    expect(await pipe.call("visit")).toMatchObject({ session, visits: 2 });
    expect((await hold.sessions(localUser).list()).records).toHaveLength(1);
    expect(errors).toEqual([]);
    await handle.close();
  });

  it("refuses an initialize that comes before the first one is answered", async () => {
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    const both = await Promise.all([pipe.initialize(), pipe.initialize()]);
    expect(both.map(({ error }) => error?.code)).toEqual([undefined, -32600]);
    expect(await pipe.call("visit")).toMatchObject({ visits: 1 });
    expect((await hold.sessions(localUser).list()).records).toHaveLength(1);
    await handle.close();
  });

  it("has a session after an initialize that was refused and one that was not", async () => {
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    expect((await pipe.ask("initialize", { protocolVersion: 5 })).error).toBeDefined();
    expect((await pipe.initialize()).result).toMatchObject({ protocolVersion: "2025-11-25" });
    expect(await pipe.call("visit")).toMatchObject({ visits: 1 });
    await handle.close();
  });

  it("says so where its session cannot be kept", async () => {
    await shut();
    await open({}, { limits: { maxSessions: 1 } });
    const [first, second] = [new Pipe(), new Pipe()];
    const handles = [await app.stdio(endsOf(first)), await app.stdio(endsOf(second))];
    expect((await first.initialize()).result).toBeDefined();
    expect((await second.initialize()).error).toMatchObject({ code: -32603 });
    for (const handle of handles) await handle.close();
    expect(errors).toMatchObject([{ code: "QUOTA_EXCEEDED" }]);
  });

  it("keeps its session alive by calls that have nothing to do with it", async () => {
    await shut();
    await open({}, { sessions: { idle: 500 } });
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    await pipe.initialize();
    const { session } = await pipe.call("visit");
    const end = Date.now() + 1_200;
    while (Date.now() < end) {
      await pipe.ask("tools/list");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await pipe.call("visit")).toMatchObject({ visits: 2, session });
    await handle.close();
    expect(errors).toEqual([]);
  });

  it("gets another session where its own expired while nothing was said, also when many calls find out at once", async () => {
    await shut();
    await open({}, { sessions: { idle: 100 } });
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    await pipe.initialize();
    const { session } = await pipe.call("visit");
    const own = hold.sessions(localUser).open(String(session));
    const isGone = (): Promise<boolean> =>
      own.keys().then(
        () => false,
        () => true,
      );
    // Looking keeps it alive.
    do await new Promise((resolve) => setTimeout(resolve, 250));
    while (!(await isGone()));
    const calls = await Promise.all(Array.from({ length: 8 }, () => pipe.call("visit")));
    expect(new Set(calls.map((call) => call["session"])).size).toBe(1);
    expect(calls[0]?.["session"]).not.toBe(session);
    expect(calls.map(({ visits }) => Number(visits)).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect((await hold.sessions(localUser).list()).records).toHaveLength(1);
    await handle.close();
    expect(errors).toEqual([]);
  });

  it("gets another session where its own was ended from elsewhere", async () => {
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    await pipe.initialize();
    const { session } = await pipe.call("visit");
    expect(await hold.sessions(localUser).open(String(session)).end()).toBe(true);
    const next = await pipe.call("visit");
    expect(next).toMatchObject({ visits: 1 });
    expect(next["session"]).not.toBe(session);
    await handle.close();
  });

  it("hears of changed lists", async () => {
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    await pipe.initialize();
    await pipe.call("visit");
    app.notify.toolsChanged();
    const told = pipe.next(({ method }) => method === "notifications/tools/list_changed");
    await expect(told).resolves.toBeDefined();
    await handle.close();
  });

  it("hears of changed resources that it has subscribed to, and of no others", async () => {
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    await pipe.initialize();
    const updated = (): unknown[] =>
      pipe.lines.flatMap(({ method, params }) =>
        method === "notifications/resources/updated" ? [params?.["uri"]] : [],
      );
    for (const uri of ["test://one", "test://two"]) await pipe.ask("resources/subscribe", { uri });
    app.notify.resourceUpdated("test://one");
    app.notify.resourceUpdated("test://three");
    await pipe.ask("resources/unsubscribe", { uri: "test://one" });
    app.notify.resourceUpdated("test://one");
    app.notify.resourceUpdated("test://two");
    await pipe.next(({ params }) => params?.["uri"] === "test://two");
    expect(updated()).toEqual(["test://one", "test://two"]);
    await handle.close();
  });

  it("has no session in stateless mode", async () => {
    await shut();
    await open({ stateless: true });
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    await pipe.initialize();
    expect(await pipe.call("visit")).toMatchObject({ session: null });
    expect(await hold.usage(localUser)).toMatchObject({ records: 0 });
    await handle.close();
  });
});

describe("a 2026-07-28 connection over stdio", () => {
  it("is the local user without a session", async () => {
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    expect(await pipe.call("visit", {}, envelope)).toEqual({
      era: "2026",
      seen: false,
      visits: 0,
      session: null,
      user: "user",
    });
    expect((await hold.sessions(localUser).list()).records).toEqual([]);
    await handle.close();
  });
});

describe("the end of a connection", () => {
  it("lets calls be answered that were under way when the input ended", async () => {
    const { reached, open: go } = gate();
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    await pipe.initialize();
    const answer = pipe.call("wait");
    await reached;
    pipe.stdin.end();
    await new Promise(setImmediate);
    go();
    expect(await answer).toEqual({ waited: true });
    await handle.closed;
  });

  it("answers what came in one piece with the end of the input", async () => {
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    const initialize = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } };
    pipe.tell({ id: "a", method: "initialize", params: initialize });
    pipe.tell({ method: "notifications/initialized" });
    pipe.tell({ id: "b", method: "tools/call", params: { name: "visit" } });
    pipe.stdin.end();
    await expect(pipe.next(({ id }) => id === "b")).resolves.toHaveProperty("result");
    await handle.closed;
  });

  it("waits for nothing that was cancelled", async () => {
    const { reached, open: go } = gate();
    const pipe = new Pipe();
    const handle = await app.stdio(endsOf(pipe));
    await pipe.initialize();
    pipe.tell({ id: "w", method: "tools/call", params: { name: "wait" } });
    await reached;
    pipe.tell({ method: "notifications/cancelled", params: { requestId: "w" } });
    pipe.stdin.end();
    await expect(handle.closed).resolves.toBeUndefined();
    expect(app.connections.callsInFlight).toBe(1);
    go();
  });

  it("comes when the app closes, and is counted as a connection until then", async () => {
    const pipe = new Pipe();
    const handle: StdioHandle = await app.stdio(endsOf(pipe));
    await pipe.initialize();
    expect(app.connections.open).toBe(1);
    await app.close();
    await handle.closed;
    expect(app.connections.open).toBe(0);
    await expect(app.stdio(endsOf(new Pipe()))).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("comes at once where the input had ended before", async () => {
    const pipe = new Pipe();
    pipe.stdin.end().resume();
    await new Promise((resolve) => pipe.stdin.once("close", resolve));
    await expect((await app.stdio(endsOf(pipe))).closed).resolves.toBeUndefined();
  });
});

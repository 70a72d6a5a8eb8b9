/**
 * Every adapter, walked by somebody with ids that are another's: each export and each method is found by asking the modules
 * and objects for them, so that what is added is walked too. What comes back has to be what comes back for an id that never
 * was, and nothing of the other's may have changed.
 */
import { createHash, randomBytes } from "node:crypto";
import { openStore, type Principal } from "holdfast";
import * as fastmcp from "holdfast/adapters/fastmcp";
import * as mcpUse from "holdfast/adapters/mcp-use";
import * as sdk from "holdfast/adapters/sdk";
import * as tmcp from "holdfast/adapters/tmcp";
import * as tools from "holdfast/adapters/tools";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { alice, bob, openTwoNodes, type TwoNodes } from "./two-nodes.ts";

const carol: Principal = { ...alice, subject: "carol" };

let nodes: TwoNodes;
beforeEach(async () => {
  nodes = await openTwoNodes();
});
afterEach(() => nodes[Symbol.asyncDispose]());

type Outcome = { readonly value: unknown } | { readonly code: unknown; readonly message: string };

async function outcomeOf(ask: () => unknown): Promise<Outcome> {
  try {
    return { value: await ask() };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return { code, message: error instanceof Error ? error.message : String(error) };
  }
}

function methodsOf(object: object): readonly string[] {
  const names = new Set<string>();
  for (let at: unknown = object; typeof at === "object" && at !== null; at = Object.getPrototypeOf(at)) {
    if (at === Object.prototype) break;
    for (const name of Object.getOwnPropertyNames(at)) {
      if (name !== "constructor" && typeof Reflect.get(object, name) === "function") names.add(name);
    }
  }
  return [...names].sort();
}

/** As by its own methods, whose names were found and whose arguments stand in a table. */
function call(object: object, method: string, args: readonly unknown[]): unknown {
  const found: unknown = Reflect.get(object, method);
  if (typeof found !== "function") throw new Error(`there is no method "${method}"`);
  return Reflect.apply(found, object, args);
}

/** Everything that is stored, but what engines say of themselves. */
async function everything(): Promise<string> {
  const hash = createHash("sha256");
  await using store = await openStore(nodes.url);
  for (let after: string | undefined; ; ) {
    const page = await store.admin.scan({ limit: 1_000, after });
    const kept = page.records.filter(({ kind }) => kind !== "holdfast.node");
    for (const { owner, kind, id } of [...kept].sort((one, other) => (one.id < other.id ? -1 : 1))) {
      const dump = await store.admin.export(owner, { kind, id });
      hash.update(JSON.stringify(dump, (_, value: unknown) => (value instanceof Map ? [...value] : value)));
    }
    after = page.next;
    if (after === undefined) return hash.digest("hex");
  }
}

/** Asks for the other's, then for what never was: the same comes back, and the store is as it was. */
async function expectSame(ask: (which: "foreign" | "unknown") => unknown): Promise<void> {
  const before = await everything();
  const foreign = await outcomeOf(() => ask("foreign"));
  expect(await everything()).toBe(before);
  expect(foreign).toEqual(await outcomeOf(() => ask("unknown")));
}

const never = (prefix: string): string => `${prefix}_${randomBytes(17).toString("base64url").slice(0, 22)}`;

describe("every export of every adapter", () => {
  it("is walked here, or has nothing that is anybody's", () => {
    const exported = Object.entries({ fastmcp, mcpUse, sdk, tmcp, tools }).flatMap(([adapter, entry]) =>
      Object.keys(entry).map((name) => `${adapter}.${name}`),
    );
    const walked = ["fastmcp.tokenStorage", "mcpUse.sessionStore", "mcpUse.streamManager", "sdk.resumableSession"];
    walked.push("tmcp.tmcpManagers", "tools.statefulTools");
    // What all listeners of a server may hear; who a token is; the form of an answer.
    const without = ["sdk.sharedEventBus", "tools.principalOfToken", "tools.reply"];
    expect(exported.sort()).toEqual([...walked, ...without].sort());
  });
});

describe("tools.statefulTools", () => {
  /** Arguments after the handle. A method that is missing here fails the walk: add it. */
  const ofHandles: Readonly<Record<string, readonly unknown[]>> = {
    get: [],
    update: [(draft: { items: string[] }) => void draft.items.push("x")],
    patch: [{ items: ["x"] }],
    increment: ["n"],
    append: ["log", { a: 1 }],
    events: ["log"],
    destroy: [],
    share: [{ with: carol, access: "read" }],
    revoke: [carol],
    grants: [],
    lock: [() => 1],
    withLock: [() => 1],
  };
  /** They take no handle: what they give is the caller's own. */
  const withoutHandle = ["create", "find", "list", "shared"];

  it("reaches no record of another principal by any method of its kinds", async () => {
    const mine = nodes.one.state(alice).basket;
    const { id } = await mine.create({ items: ["alice's"] });
    await mine.append(id, "log", "alice's");
    const tool = tools.statefulTools(nodes.other, { principal: bob });
    expect(methodsOf(mine)).toEqual([...Object.keys(ofHandles), ...withoutHandle].sort());
    for (const [method, args] of Object.entries(ofHandles)) {
      const run = tool(method, ({ handle }: { handle: string }, { state }) =>
        call(state.basket, method, [handle, ...args]),
      );
      const ids = { foreign: id, unknown: never("bas") };
      await expectSame((which) => run({ handle: ids[which] }));
    }
    const list = tool("list", (_: object, { state }) => state.basket.list());
    expect(await list({})).toMatchObject({ records: [] });
    expect((await mine.get(id)).value).toEqual({ items: ["alice's"] });
  });

  it("reaches no session of another principal by any method of sessions", async () => {
    const session = await nodes.one.sessions(alice).create({ label: "alice's" });
    const own = nodes.one.sessions(alice).open(session.id);
    await own.set("key", "alice's");
    await own.record("alice's");
    const args: Readonly<Record<string, readonly unknown[]>> = {
      view: [],
      get: ["key"],
      set: ["key", 1],
      delete: ["key"],
      keys: [],
      setPreference: ["key", 1],
      increment: ["n"],
      record: ["action"],
      context: [],
      recentContext: [5],
      summary: [],
      summarize: [() => "x"],
      clear: [],
      disposable: ["d", () => ({ value: 1, close: () => undefined })],
      dispose: ["d"],
      end: [],
    };
    expect(methodsOf(own)).toEqual(Object.keys(args).sort());
    const tool = tools.statefulTools(nodes.other, { principal: bob });
    for (const [method, given] of Object.entries(args)) {
      const run = tool(method, ({ handle }: { handle: string }, { sessions }) =>
        call(sessions.open(handle), method, given),
      );
      const ids = { foreign: session.id, unknown: never("ses") };
      await expectSame((which) => run({ handle: ids[which] }));
    }
    expect(await own.get("key")).toMatchObject({ value: "alice's" });
  });
});

describe("sdk.resumableSession", () => {
  it("replays, names and ends nothing of another principal's session, though its id is known", async () => {
    const hers = sdk.resumableSession(nodes.one, alice);
    const eventId = await hers.eventStore.storeEvent("stream", { jsonrpc: "2.0", method: "notifications/x" });
    const ids = { foreign: hers.sessionId, unknown: never("") };
    const his = (which: "foreign" | "unknown"): sdk.ResumableSession =>
      sdk.resumableSession(nodes.other, bob, { sessionId: ids[which] });
    const send = async (): Promise<void> => {
      throw new Error("something was replayed");
    };
    expect(methodsOf(hers.eventStore)).toEqual(
      ["getStreamIdForEventId", "replayEventsAfter", "storeEvent"].sort().concat("end").sort(),
    );
    await expectSame((which) => his(which).eventStore.getStreamIdForEventId(eventId));
    await expectSame((which) => his(which).eventStore.replayEventsAfter(eventId, { send }));
    await expectSame((which) => his(which).end());
    // What he stores under her session's id is his own.
    await his("foreign").eventStore.storeEvent("stream", { jsonrpc: "2.0", method: "notifications/his" });
    const replayed: unknown[] = [];
    await hers.eventStore.replayEventsAfter(eventId, { send: async (_, message) => void replayed.push(message) });
    expect(replayed).toEqual([]);
  });
});

/** These know no principals: one application on one adapter is the border, and another application on the same store is beyond it. */
describe("what knows ids alone", () => {
  it("fastmcp.tokenStorage gives another application's tokens to nobody", async () => {
    const hers = fastmcp.tokenStorage(nodes.one, { application: "a" });
    const his = fastmcp.tokenStorage(nodes.other, { application: "b" });
    await hers.save("code", "hers", 60);
    const names = { foreign: "code", unknown: "never" };
    for (const method of ["get", "take", "delete"]) await expectSame((which) => call(his, method, [names[which]]));
    expect(methodsOf(his)).toEqual(["cleanup", "delete", "get", "save", "take"]);
    await his.save("code", "his", 60);
    expect(await hers.take("code")).toBe("hers");
  });

  it("mcpUse.sessionStore gives another application's sessions to nobody", async () => {
    const hers = mcpUse.sessionStore<{ name: string }>(nodes.one, { application: "a" });
    const his = mcpUse.sessionStore<{ name: string }>(nodes.other, { application: "b" });
    await hers.set("session", { name: "hers" });
    const names = { foreign: "session", unknown: "never" };
    for (const method of ["get", "has", "delete"]) await expectSame((which) => call(his, method, [names[which]]));
    expect(methodsOf(his)).toEqual(["delete", "get", "has", "keys", "set", "setWithTTL"]);
    expect(await his.keys()).toEqual([]);
    await his.set("session", { name: "his" });
    expect(await hers.get("session")).toEqual({ name: "hers" });
  });

  it("streams of mcp-use and tmcp take nothing from another application", async () => {
    const heard: string[] = [];
    const controller = {
      enqueue: (bytes?: Uint8Array): void => void heard.push(new TextDecoder().decode(bytes)),
      close: () => void heard.push("closed"),
    };
    const [mine, others] = [
      mcpUse.streamManager(nodes.one, { application: "a" }),
      mcpUse.streamManager(nodes.other, { application: "b" }),
    ];
    const [hers, his] = [
      tmcp.tmcpManagers(nodes.one, { application: "a" }),
      tmcp.tmcpManagers(nodes.other, { application: "b" }),
    ];
    await Promise.all([mine, others, hers, his].map((manager) => manager.ready()));
    await mine.create("session", controller);
    hers.sessionManager.streams.create("session", controller);
    expect(await others.has("session")).toBe(false);
    expect(await his.sessionManager.streams.has("session")).toBe(false);
    await others.send(["session"], "data: stolen\n\n");
    await others.send(undefined, "data: to all\n\n");
    await others.delete("session");
    expect(await others.forwardInboundResponse({ id: 1 }, "session")).toBe(false);
    his.sessionManager.streams.send(["session"], "data: stolen\n\n");
    his.sessionManager.streams.send(undefined, "data: to all\n\n");
    his.sessionManager.streams.delete("session");
    // What is sent by their own comes, and nothing came before it.
    await mine.send(["session"], "data: own\n\n");
    hers.sessionManager.streams.send(["session"], "data: own\n\n");
    await expect.poll(() => heard.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    expect(new Set(heard)).toEqual(new Set(["data: own\n\n"]));
    await Promise.all([mine, others, hers, his].map((manager) => manager.close()));
  });
});

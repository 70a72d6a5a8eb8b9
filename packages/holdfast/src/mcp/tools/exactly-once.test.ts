/** What makes a call of a tool count once, as clients of both eras ask for it, and what does not. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";

import { modernCall } from "../../../../../test/lib/modern-call.ts";
import { holdfast } from "../../hold.ts";
import type { Principal } from "../../security/principal.ts";
import type { Hold } from "../../state/hold.ts";
import { kind } from "../../state/kind.ts";
import { reply } from "../reply.ts";
import { serve } from "../serve.ts";
import type { App } from "../types.ts";
import { exactlyOnce } from "./exactly-once.ts";

const Tally = kind("tally", { schema: z.object({ n: z.number().default(0) }), scope: "principal" });
const kinds = [Tally] as const;
const alice: Principal = { issuer: "i", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "i", subject: "bob", scopes: [] };
const metaKey = "holdfast/idempotency-key";

let hold: Hold<typeof kinds>;
let app: App;
/** How the next runs of the tool end. */
let endings: ("error" | "throw")[];
let runs: number;

beforeEach(async () => {
  endings = [];
  runs = 0;
  hold = await holdfast({ store: "memory:", kinds });
  app = serve(hold, { name: "s", version: "1" }, (server, { state }) => {
    const count = async (by: number) => {
      runs += 1;
      const { value } = await state.tally.update((tally) => void (tally.n += by));
      const ending = endings.shift();
      if (ending === "throw") throw new Error("of the author");
      if (ending === "error") return { ...(await reply({ n: value.n })), isError: true };
      return await reply({ n: value.n, runs });
    };
    const By = z.object({ by: z.number(), idempotency_key: z.unknown().optional(), order: z.string().optional() });
    server.registerTool("add", exactlyOnce({ inputSchema: By }), ({ by }) => count(by));
    server.registerTool("add_too", exactlyOnce({ inputSchema: By }), ({ by }) => count(by));
    server.registerTool("pay", exactlyOnce({ inputSchema: By }, { argument: "order", required: true }), ({ by }) =>
      count(by),
    );
    server.registerTool("bump", exactlyOnce({}), () => count(1));
    server.registerTool("plain", { inputSchema: By }, ({ by }) => count(by));
  });
});
afterEach(async () => {
  await app.close();
  await hold.close();
});

type Given = { readonly args?: object; readonly key?: unknown; readonly as?: Principal };
type Answer = { readonly structuredContent?: Readonly<Record<string, unknown>>; readonly isError?: boolean };
type Call = (name: string, given?: Given) => Promise<Answer>;

async function resultOf(response: Promise<Response>): Promise<Answer> {
  return ((await (await response).json()) as { readonly result: Answer }).result;
}

function modern(): Call {
  return async (name, { args = {}, key, as: principal = alice } = {}) => {
    const meta = key === undefined ? undefined : { [metaKey]: key };
    const request = new Request("http://localhost/mcp", modernCall(name, { arguments: args, meta }));
    return await resultOf(app(request, { principal }));
  };
}

/** A session for each principal, made as it is needed. */
function legacy(): Call {
  const sessions = new Map<Principal, string>();
  const send = async (principal: Principal, message: object): Promise<Response> => {
    const session = sessions.get(principal);
    const headers = {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      ...(session !== undefined && { "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" }),
    };
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    return await app(new Request("http://localhost/mcp", { method: "POST", headers, body }), { principal });
  };
  return async (name, { args = {}, key, as: principal = alice } = {}) => {
    if (!sessions.has(principal)) {
      const clientInfo = { name: "c", version: "1" };
      const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
      const opened = await send(principal, { id: 0, method: "initialize", params });
      sessions.set(principal, opened.headers.get("mcp-session-id") ?? "");
      await opened.text();
      await send(principal, { method: "notifications/initialized" });
    }
    const _meta = key === undefined ? {} : { _meta: { [metaKey]: key } };
    return await resultOf(
      send(principal, { id: 1, method: "tools/call", params: { name, arguments: args, ..._meta } }),
    );
  };
}

describe.each([
  ["2026-07-28", modern],
  ["2025-11-25", legacy],
] as const)("a call of %s", (_era, client) => {
  let call: Call;
  beforeEach(() => {
    call = client();
  });
  const counted = (n: number, run = n) => ({ n, runs: run });

  it("counts once by a key in its arguments or in the request's _meta, and is answered alike", async () => {
    const inArguments = { args: { by: 1, idempotency_key: "a" } };
    for (let n = 0; n < 3; n++) expect((await call("add", inArguments)).structuredContent).toEqual(counted(1));
    // What is asked for is the rest of the arguments, wherever the key stands.
    expect((await call("add", { args: { by: 1 }, key: "a" })).structuredContent).toEqual(counted(1));
    const inMeta = { args: { by: 1 }, key: "b" };
    for (let n = 0; n < 3; n++) expect((await call("add", inMeta)).structuredContent).toEqual(counted(2));
    // Where both are given, the argument is what its tool describes.
    const both = { args: { by: 1, idempotency_key: "b" }, key: "c" };
    expect((await call("add", both)).structuredContent).toEqual(counted(2));
    // A tool without arguments has the other place.
    for (let n = 0; n < 2; n++) expect((await call("bump", { key: "a" })).structuredContent).toEqual(counted(3));
    expect(runs).toBe(3);
  });

  it("is a conflict with other arguments, and another call for another tool, caller or key", async () => {
    const first = { args: { by: 1 }, key: "a" };
    await call("add", first);
    expect(await call("add", { args: { by: 2 }, key: "a" })).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "conflict", retryable: false } },
    });
    expect((await call("add_too", first)).structuredContent).toEqual(counted(2));
    expect((await call("add", { ...first, key: "b" })).structuredContent).toEqual(counted(3));
    expect((await call("add", { ...first, as: bob })).structuredContent).toEqual(counted(1, 4));
    expect(runs).toBe(4);
  });

  it("that fails is not over: it runs again, and what it changed before is not changed again", async () => {
    endings = ["throw", "error"];
    const given = { args: { by: 5 }, key: "a" };
    expect(await call("add", given)).toMatchObject({ isError: true, structuredContent: { error: {} } });
    expect(await call("add", given)).toMatchObject({ isError: true, structuredContent: { n: 5 } });
    expect((await call("add", given)).structuredContent).toEqual({ n: 5, runs: 3 });
    expect((await call("add", given)).structuredContent).toEqual({ n: 5, runs: 3 });
  });

  it("without a key is like any other, unless the tool requires one", async () => {
    await call("add", { args: { by: 1 } });
    expect((await call("add", { args: { by: 1 } })).structuredContent).toEqual(counted(2));
    const refused = { isError: true, structuredContent: { error: { code: "invalid_argument" } } };
    expect(await call("pay", { args: { by: 1 } })).toMatchObject(refused);
    expect((await call("pay", { args: { by: 1, order: "o" } })).structuredContent).toEqual(counted(3));
    expect((await call("pay", { args: { by: 1, order: "o" } })).structuredContent).toEqual(counted(3));
    // A tool that says nothing of it takes no key.
    await call("plain", { args: { by: 1 }, key: "a" });
    expect((await call("plain", { args: { by: 1 }, key: "a" })).structuredContent).toEqual(counted(5));
  });

  it.each([7, "", "k".repeat(129), ["a"], { key: "a" }])("with the key %j is refused and does nothing", async (key) => {
    const refused = { isError: true, structuredContent: { error: { code: "invalid_argument" } } };
    expect(await call("add", { args: { by: 1, idempotency_key: key } })).toMatchObject(refused);
    expect(await call("add", { args: { by: 1 }, key })).toMatchObject(refused);
    expect(runs).toBe(0);
  });
});

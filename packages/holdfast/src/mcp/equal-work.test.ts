/**
 * A stranger's id and one that never was cost the same calls of the store: what takes no other work takes no other time. The
 * times themselves are compared by `npm run torture`, since a loaded machine proves nothing by them.
 */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";

import { holdfast } from "../hold.ts";
import { mintId } from "../record/ids.ts";
import type { Hold } from "../state/hold.ts";
import { kind } from "../state/kind.ts";
import { around } from "../store/around.ts";
import type { Store } from "../store/contract.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { reply } from "./reply.ts";
import { serve } from "./serve.ts";
import { formatWireId, mintWireId } from "./sessions/wire-id.ts";
import type { App } from "./types.ts";

const usual = { accept: "application/json, text/event-stream", "content-type": "application/json" };
const Basket = kind("basket", { schema: z.object({ n: z.number().default(0) }) });
const Given = z.object({ basket: z.string() });
const modern = {
  [PROTOCOL_VERSION_META_KEY]: "2026-07-28",
  [CLIENT_INFO_META_KEY]: { name: "c", version: "1" },
  [CLIENT_CAPABILITIES_META_KEY]: {},
};

let hold: Hold<readonly [typeof Basket]>;
let app: App;
let seen: string[];

/** Writes down what is asked of a store: of ids nothing, of everything else how much. */
function recording(store: Store): Store {
  const note = (call: string): void => void seen.push(call);
  return around(store, {
    read: (owner, key, options) => {
      note(`read ${key.kind} ${options?.tails?.length ?? 0}`);
      return store.read(owner, key, options);
    },
    commit: (owner, changes, options) => {
      note(`commit ${changes.map(({ kind: of, expect: at }) => `${of} ${String(at)}`).join(", ")}`);
      return store.commit(owner, changes, options);
    },
    events: (owner, key, stream, options) => {
      note(`events ${key.kind} ${stream}`);
      return store.events(owner, key, stream, options);
    },
    list: (owner, of, options) => {
      note(`list ${of}`);
      return store.list(owner, of, options);
    },
    usage: (owner, options) => {
      note("usage");
      return store.usage(owner, options);
    },
  });
}

beforeEach(async () => {
  seen = [];
  hold = await holdfast({ store: recording(await memoryStore()), kinds: [Basket], reap: false });
  app = serve(
    hold,
    { name: "s", version: "1" },
    (server, { state }) => {
      const config = { inputSchema: Given };
      server.registerTool("get", config, async ({ basket }) => reply(await state.basket.get(basket)));
      server.registerTool("add", config, async ({ basket }) =>
        reply(await state.basket.update(basket, (draft) => void (draft.n += 1))),
      );
      server.registerTool("patch", config, async ({ basket }) => reply(await state.basket.patch(basket, { n: 1 })));
      server.registerTool("count", config, async ({ basket }) => reply(await state.basket.increment(basket, "n")));
      server.registerTool("log", config, async ({ basket }) => reply(await state.basket.append(basket, "log", 1)));
      server.registerTool("read", config, async ({ basket }) => reply(await state.basket.events(basket, "log")));
      server.registerTool("end", config, async ({ basket }) => reply({ ended: await state.basket.destroy(basket) }));
    },
    {
      authenticate: (request) => ({
        ok: true,
        principal: { issuer: "i", subject: request.header("x-user") ?? "", scopes: [] },
      }),
    },
  );
});
afterEach(async () => {
  await app.close();
  await hold.close();
});

function ask(method: string, headers: Record<string, string>, body?: unknown): Promise<Response> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return app(
    new Request("http://localhost/mcp", { method, headers: { ...usual, "x-user": "mallory", ...headers }, ...sent }),
  );
}

/** What the store was asked for one request, once its answer is whole. */
async function workOf(request: () => Promise<Response>): Promise<{ readonly status: number; readonly work: string[] }> {
  seen = [];
  const response = await request();
  await response.text();
  return { status: response.status, work: [...seen] };
}

describe("the id of somebody else's session costs what one that never was costs", () => {
  it.each(["POST", "GET", "DELETE"])("by %s", async (method) => {
    const clientInfo = { name: "c", version: "1" };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    const opened = await ask("POST", { "x-user": "alice" }, { jsonrpc: "2.0", id: 0, method: "initialize", params });
    await opened.text();
    const foreign = opened.headers.get("mcp-session-id") ?? "";
    const body = method === "POST" ? { jsonrpc: "2.0", id: 1, method: "ping" } : undefined;
    const by = (id: string) => () => ask(method, { "mcp-session-id": id, "mcp-protocol-version": "2025-11-25" }, body);
    const answers = [await workOf(by(foreign)), await workOf(by(formatWireId(mintWireId())))];
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject({ status: 404, work: [expect.stringContaining("read")] });
  });
});

describe("somebody else's handle costs what one that never was costs", () => {
  const by = (user: string, name: string, basket: string) => () => {
    const params = { name, arguments: { basket }, _meta: modern };
    const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name };
    const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
    return ask("POST", { ...headers, "x-user": user }, body);
  };
  const ofAlice = async (): Promise<string> =>
    (await hold.state({ issuer: "i", subject: "alice", scopes: [] }).basket.create()).id;

  it.each(["get", "add", "patch", "count", "log", "read", "end"])("in a tool that does: %s", async (name) => {
    const answers = [
      await workOf(by("mallory", name, await ofAlice())),
      await workOf(by("mallory", name, mintId("bas"))),
    ];
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.work.length).toBeGreaterThan(0);
  });

  it("and what is one's own costs more, so that the comparison could tell", async () => {
    const id = await ofAlice();
    const [own, foreign] = [await workOf(by("alice", "add", id)), await workOf(by("mallory", "add", id))];
    expect(own.work).not.toEqual(foreign.work);
    expect(own.work.join()).toContain("commit basket");
  });
});

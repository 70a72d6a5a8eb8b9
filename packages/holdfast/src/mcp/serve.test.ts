/** The whole of serve(), with real sessions and a real store, over `node:http`. */
import { createServer, type Server } from "node:http";
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  inputRequired,
  PROTOCOL_VERSION_META_KEY,
} from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { holdfast } from "../hold.ts";
import { HoldfastError } from "../record/errors.ts";
import type { Principal } from "../security/principal.ts";
import type { Hold, HoldOptions } from "../state/hold.ts";
import { reply } from "./reply.ts";
import { answerOf, textUntil } from "./serve.test-kit.ts";
import { serve } from "./serve.ts";
import type { App, ServeOptions } from "./types.ts";

const alice: Principal = { issuer: "token", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "token", subject: "bob", scopes: [] };
const usual = { accept: "application/json, text/event-stream", "content-type": "application/json" };
const initialize = {
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "c", version: "1" } },
};

let hold: Hold;
let app: App;
let http: Server;
let url: string;
let errors: unknown[];
let call: { started: () => void; go: Promise<void> };

async function open(options: ServeOptions = {}, holdOptions: Partial<HoldOptions> = {}): Promise<void> {
  errors = [];
  call = { started: () => undefined, go: Promise.resolve() };
  hold = await holdfast({ store: "memory:", ...holdOptions, kinds: [] });
  app = serve(
    hold,
    { name: "s", version: "1" },
    (server, { session, notify }) => {
      server.registerTool("visit", {}, async () => reply({ visits: (await session?.increment("visits"))?.value ?? 0 }));
      server.registerTool("wait", {}, async (context) => {
        call.started();
        await call.go;
        return reply({ aborted: context.mcpReq.signal.aborted });
      });
      server.registerTool("stream", {}, async (context) => {
        await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken: 1, progress: 1 } });
        call.started();
        await call.go;
        return reply({ streamed: true });
      });
      server.registerTool("confirm", {}, () =>
        inputRequired({
          inputRequests: {
            ok: inputRequired.elicit({ message: "Sure?", requestedSchema: z.object({ ok: z.boolean() }) }),
          },
        }),
      );
      server.registerTool("change", {}, () => {
        notify.promptsChanged();
        return reply({ announced: true });
      });
      server.registerResource("broken", "test://broken", {}, () => {
        throw new Error("secret of the resource");
      });
      server.registerResource("gone", "test://gone", {}, () => {
        throw new HoldfastError("NOT_FOUND", "there is no such record");
      });
      server.registerPrompt("broken", {}, () => {
        throw new HoldfastError("UNAVAILABLE", "secret of the store");
      });
    },
    {
      authenticate: ({ header }) => {
        const token = header("authorization");
        if (token === "Bearer bob") return { ok: true, principal: bob };
        return token === "Bearer nobody" ? { ok: false, status: 401, message: "no" } : { ok: true, principal: alice };
      },
      ...options,
      onError: (error) => errors.push(error),
    },
  );
  http = createServer(app.node);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/mcp`;
}

async function shut(): Promise<void> {
  await app.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
  await hold.close();
}

beforeEach(() => open());
afterEach(() => shut());

type Given = { headers?: Record<string, string>; signal?: AbortSignal };

function post(message: Record<string, unknown>, { headers, signal }: Given = {}): Promise<Response> {
  const body = JSON.stringify({
    jsonrpc: "2.0",
    ...("method" in message && String(message["method"]).startsWith("notifications/") ? {} : { id: 1 }),
    ...message,
  });
  return fetch(url, {
    method: "POST",
    headers: { ...usual, ...headers },
    body,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Opens a 2025-era session and returns the headers of its later requests. */
async function session(headers: Record<string, string> = {}): Promise<Record<string, string>> {
  const answer = await post(initialize, { headers });
  await answer.text();
  const own = {
    ...headers,
    "mcp-session-id": answer.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": "2025-11-25",
  };
  await (await post({ method: "notifications/initialized" }, { headers: own })).text();
  return own;
}

function modern(method: string, params: Record<string, unknown> = {}, given: Given = {}): Promise<Response> {
  const name = [params["name"], params["uri"]].find((given) => typeof given === "string");
  const _meta = {
    [PROTOCOL_VERSION_META_KEY]: "2026-07-28",
    [CLIENT_INFO_META_KEY]: { name: "c", version: "1" },
    [CLIENT_CAPABILITIES_META_KEY]: {},
  };
  const headers = {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": method,
    ...(name === undefined ? {} : { "mcp-name": name }),
    ...given.headers,
  };
  return post({ method, params: { ...params, _meta } }, { ...given, headers });
}

/** Makes the next calls wait until they are told to go on. */
function pause(calls = 1): { reached: Promise<void>; go: () => void } {
  let go: () => void = () => undefined;
  let started: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => {
    let missing = calls;
    started = () => {
      missing -= 1;
      if (missing === 0) resolve();
    };
  });
  call = {
    started,
    go: new Promise<void>((resolve) => {
      go = resolve;
    }),
  };
  return { reached, go };
}

describe("sessions that are not the caller's", () => {
  it("are one answer on every verb, to the byte, and are left alone", async () => {
    const own = await session();
    const ids = [
      own["mcp-session-id"] ?? "",
      `ses_${"x".repeat(22)}.${"y".repeat(43)}`,
      "ses_",
      "__proto__",
      "a".repeat(5_000),
      "ü",
    ];
    for (const method of ["POST", "GET", "DELETE"]) {
      const answers = await Promise.all(
        ids.map(async (id) => {
          const headers = {
            ...usual,
            authorization: "Bearer bob",
            "mcp-session-id": encodeURI(id) === id ? id : "ses_%",
          };
          const body =
            method === "POST" ? { body: JSON.stringify({ jsonrpc: "2.0", id: 9, method: "tools/list" }) } : {};
          return answerOf(await fetch(url, { method, headers, ...body }));
        }),
      );
      expect(answers[0]).toMatchObject({
        status: 404,
        body: '{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}',
      });
      for (const answer of answers) expect(answer).toEqual(answers[0]);
    }
    const visited = (await (
      await post({ method: "tools/call", params: { name: "visit" } }, { headers: own })
    ).json()) as { result: unknown };
    expect(visited.result).toMatchObject({ structuredContent: { visits: 1 } });
  });
});

describe("a session of a client", () => {
  it("lives as long as those of the hold, also where that is longer than the defaults", async () => {
    await shut();
    await open({}, { sessions: { idle: "48h", absolute: "90d" }, limits: { maxSessions: 1_002 } });
    await session();
    const { records } = await hold.sessions(alice).list();
    const hours = ((records[0]?.expiresAt?.getTime() ?? 0) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(47);
    // As many as the hold allows, and not one more.
    for (let i = 1; i < 1_002; i += 1) await hold.sessions(alice).create();
    expect((await post(initialize)).status).toBe(429);
  });
});

describe("what goes wrong behind a request", () => {
  it("is told to nobody but the operator, in resources and prompts too", async () => {
    const own = await session();
    const asks = [
      ["resources/read", { uri: "test://broken" }],
      ["prompts/get", { name: "broken" }],
    ] as const;
    for (const [method, params] of asks) {
      for (const response of [await modern(method, params), await post({ method, params }, { headers: own })]) {
        const answer = (await response.json()) as { error: { code: number } };
        expect(answer.error.code).toBe(-32603);
        expect(JSON.stringify(answer)).not.toContain("secret");
      }
    }
    expect(errors.map((error) => (error as Error).message)).toEqual([
      "secret of the resource",
      "secret of the resource",
      "secret of the store",
      "secret of the store",
    ]);
  });

  it("is a resource that does not exist where the record does not", async () => {
    const own = await session();
    // The code is the SDK's own for resources that it does not know.
    const params = { uri: "test://gone" };
    for (const response of [
      await modern("resources/read", params),
      await post({ method: "resources/read", params }, { headers: own }),
    ]) {
      expect(await response.json()).toMatchObject({ error: { code: -32602, data: params } });
    }
    expect(errors).toEqual([]);
  });

  it("is told to the operator where the author's own build function throws", async () => {
    const broken = serve(
      hold,
      { name: "s", version: "1" },
      () => {
        throw new Error("secret of the author");
      },
      { onError: (error) => errors.push(error) },
    );
    const own = createServer(broken.node);
    await new Promise<void>((resolve) => own.listen(0, "127.0.0.1", resolve));
    const address = own.address();
    const usualUrl = url;
    url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/mcp`;
    const answers = [await modern("tools/list"), await post(initialize)];
    url = usualUrl;
    for (const answer of answers) {
      expect(answer.status).toBe(500);
      expect(await answer.text()).not.toContain("secret");
    }
    expect(errors.map((error) => (error as Error).message)).toEqual(["secret of the author", "secret of the author"]);
    expect(await hold.usage(alice)).toMatchObject({ records: 0 });
    own.closeAllConnections();
    await new Promise((resolve) => own.close(resolve));
    await broken.close();
  });

  it("is 400 -32021 where the client lacks what the tool needs", async () => {
    const response = await modern("tools/call", { name: "confirm", arguments: {} });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ id: 1, error: { code: -32021 } });
  });
});

describe("closing", () => {
  it("drains calls of both eras and over both kinds of answer before it ends anything", async () => {
    const own = await session();
    const standing = await fetch(url, { headers: { ...usual, ...own } });
    const listening = await modern("subscriptions/listen", { notifications: { toolsListChanged: true } });
    for (const name of ["wait", "stream"]) {
      const asks = [
        () => modern("tools/call", { name, arguments: {} }),
        () => post({ method: "tools/call", params: { name } }, { headers: own }),
      ];
      for (const ask of asks) {
        const { reached, go } = pause();
        const answer = ask();
        await reached;
        expect(app.connections.callsInFlight).toBe(1);
        go();
        expect(await (await answer).text()).toContain(name === "wait" ? '"aborted":false' : '"streamed":true');
      }
    }
    const { reached, go } = pause(2);
    const answers = [
      modern("tools/call", { name: "stream", arguments: {} }),
      post({ method: "tools/call", params: { name: "wait" } }, { headers: own }),
    ];
    await reached;
    const drained = app.drain({ timeoutMs: 5_000 });
    expect((await modern("tools/list")).status).toBe(503);
    const refused = await post({ method: "tools/list" }, { headers: own });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    go();
    const texts = await Promise.all(answers.map(async (answer) => (await answer).text()));
    expect(texts[0]).toContain('"streamed":true');
    expect(texts[1]).toContain('"aborted":false');
    await drained;
    // Both standing streams have ended, the subscription in order.
    expect(await listening.text()).toContain('"resultType":"complete"');
    await standing.text();
    expect(app.connections).toMatchObject({ streams: 0, warm: 0, callsInFlight: 0, callsTotal: 6 });
    expect(errors).toEqual([]);
  });

  it("gives up on calls that take longer than the drain may", async () => {
    const { reached, go } = pause();
    const answer = modern("tools/call", { name: "wait", arguments: {} }).then(
      (response) => response.status,
      () => "cut off",
    );
    await reached;
    const started = performance.now();
    await app.drain({ timeoutMs: 100 });
    expect(performance.now() - started).toBeLessThan(2_000);
    go();
    expect(await answer).toBe(503);
  });

  it("is done once, however often and early it is asked for", async () => {
    await Promise.all([app.close(), app.close(), app.drain({ timeoutMs: 10 })]);
    expect((await post(initialize)).status).toBe(503);
    expect(
      (await app(new Request("http://localhost/mcp", { method: "POST", headers: usual, body: "{}" }))).status,
    ).toBe(503);
  });
});

describe("changed lists", () => {
  it("reach the clients of both eras that listen", async () => {
    const own = await session();
    const streams = [
      await fetch(url, { headers: { ...usual, ...own } }),
      await modern("subscriptions/listen", { notifications: { toolsListChanged: true } }),
    ];
    const told = streams.map((stream) => textUntil(stream, "tools/list_changed"));
    app.notify.toolsChanged();
    await expect(Promise.all(told)).resolves.toHaveLength(2);
  });

  it("of one caller reach that caller's clients of both eras, and nobody else's", async () => {
    const [alices, bobs] = [await session(), await session({ authorization: "Bearer bob" })];
    const streams = [
      await fetch(url, { headers: { ...usual, ...alices } }),
      await modern("subscriptions/listen", { notifications: { promptsListChanged: true, toolsListChanged: true } }),
      await fetch(url, { headers: { ...usual, ...bobs } }),
    ];
    await (await post({ method: "tools/call", params: { name: "change" } }, { headers: alices })).text();
    // Comes after it on every stream, so that what was not heard until then is never heard.
    app.notify.toolsChanged();
    const heard = await Promise.all(streams.map((stream) => textUntil(stream, "tools/list_changed")));
    expect(heard.map((text) => text.includes("prompts/list_changed"))).toEqual([true, true, false]);
  });
});

describe("options", () => {
  it("pin answers to one form", async () => {
    await shut();
    await open({ response: "sse" });
    const own = await session();
    const types = [
      (await modern("tools/list")).headers.get("content-type"),
      (await post({ method: "tools/list" }, { headers: own })).headers.get("content-type"),
    ];
    expect(types).toEqual(["text/event-stream", "text/event-stream"]);
  });
});

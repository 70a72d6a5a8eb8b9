/** The table of exact answers, walked over both faces: what is refused has reached neither a server nor a store. */
import { createServer, request as httpRequest } from "node:http";
import { PROTOCOL_VERSION_META_KEY } from "@modelcontextprotocol/server";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { HoldfastError } from "../../record/errors.ts";
import { localUser, type Principal } from "../../security/principal.ts";
import { ConnectionRegistry } from "../connections.ts";
import type { Inbound } from "../exchange.ts";
import { fetchFace } from "../faces/fetch.ts";
import { nodeFace } from "../faces/node.ts";
import { resolveServeOptions } from "../options.ts";
import type { ServeOptions } from "../types.ts";
import { Gate } from "./gate.ts";

type Answer = { status: number; headers: Record<string, string>; body: string };
type Ask = { method?: string; headers?: Record<string, string | undefined>; body?: string };

const seen: { era: string; inbound: Inbound }[] = [];
const alice: Principal = { issuer: "token", subject: "alice", scopes: [] };
const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
const modern = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/list",
  params: { _meta: { [PROTOCOL_VERSION_META_KEY]: "2026-07-28" } },
});
const usual = {
  host: "localhost:3000",
  accept: "application/json, text/event-stream",
  "content-type": "application/json",
};
const authenticate: NonNullable<ServeOptions["authenticate"]> = ({ header }) => {
  switch (header("Authorization")) {
    case "Bearer alice":
      return { ok: true, principal: alice };
    case "Bearer narrow":
      return { ok: false, status: 403, message: "more scope", challenge: 'Bearer scope="a"' };
    case "Bearer down":
      throw new HoldfastError("UNAVAILABLE", "keys at secret-host cannot be fetched");
    case "Bearer broken":
      throw new Error("secret");
    default:
      return { ok: false, status: 401, message: "who are you" };
  }
};

function build(options: ServeOptions): { gate: Gate; registry: ConnectionRegistry } {
  const resolved = resolveServeOptions(options);
  const registry = new ConnectionRegistry(resolved.limits.maxConnections);
  const note = (era: string, inbound: Inbound): void => {
    seen.push({ era, inbound });
  };
  const gate = new Gate(
    resolved,
    {
      sessions: {
        handle: async (inbound) => {
          note("2025", inbound);
          return { status: 200, headers: { "content-type": "application/json" }, body: '"2025"' };
        },
      },
      stateless: {
        handle: async (inbound) => {
          note("2026", inbound);
          return Response.json("2026");
        },
      },
    },
    registry,
  );
  return { gate, registry };
}

type Face = { ask(given: Ask): Promise<Answer>; drain(): void; close(): Promise<void> };

async function overNode(options: ServeOptions): Promise<Face> {
  const { gate, registry } = build(options);
  const server = createServer(nodeFace({ gate, connections: registry, silentMs: 60_000, onError: () => undefined }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  return {
    ask: ({ method = "POST", headers, body }) =>
      new Promise((resolve, reject) => {
        const given = defined({ ...usual, ...headers });
        const outgoing = httpRequest({ port, host: "127.0.0.1", method, headers: given, agent: false }, (incoming) => {
          let text = "";
          incoming.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          incoming.on("end", () =>
            resolve({
              status: incoming.statusCode ?? 0,
              headers: defined(incoming.headers as Record<string, string>),
              body: text,
            }),
          );
          incoming.on("error", reject);
        });
        outgoing.on("error", reject);
        outgoing.end(method === "POST" ? (body ?? ping) : undefined);
      }),
    drain: () => gate.drain(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function overFetch(options: ServeOptions): Promise<Face> {
  const { gate, registry } = build(options);
  const face = fetchFace(gate, registry);
  return {
    ask: async ({ method = "POST", headers, body }) => {
      const given = defined({ ...usual, ...headers });
      const response = await face(
        new Request("http://localhost:3000/mcp", {
          method,
          headers: given,
          ...(method === "POST" ? { body: body ?? ping } : {}),
        }),
      );
      return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
    },
    drain: () => gate.drain(),
    close: async () => undefined,
  };
}

function defined(record: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

const big = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping", params: { text: "x".repeat(2_000) } });
const deep = `{"jsonrpc":"2.0","id":1,"method":"ping","params":${"[".repeat(100)}${"]".repeat(100)}}`;
const bearer = { authorization: "Bearer alice" };

type Row = [name: string, ask: Ask, status: number, code: number, headers?: Record<string, string | RegExp>];
const rows: Row[] = [
  ["another method", { method: "PUT" }, 405, -32000, { allow: "GET, POST, DELETE" }],
  ["OPTIONS", { method: "OPTIONS" }, 405, -32000, { allow: "GET, POST, DELETE" }],
  [
    "GET in the stateless era",
    { method: "GET", headers: { "mcp-protocol-version": "2026-07-28" } },
    405,
    -32000,
    { allow: "POST" },
  ],
  [
    "DELETE in the stateless era",
    { method: "DELETE", headers: { "mcp-protocol-version": "2026-07-28" } },
    405,
    -32000,
    { allow: "POST" },
  ],
  ["another host", { headers: { host: "evil.example" } }, 403, -32000],
  ["another origin", { headers: { origin: "https://evil.example" } }, 403, -32000],
  ["a body too large by header", { headers: bearer, body: big }, 413, -32000, { connection: "close" }],
  ["a compressed body", { headers: { ...bearer, "content-encoding": "gzip" } }, 415, -32000],
  ["no token", {}, 401, -32000, { "www-authenticate": "Bearer" }],
  [
    "a token too narrow",
    { headers: { authorization: "Bearer narrow" } },
    403,
    -32000,
    { "www-authenticate": 'Bearer scope="a"' },
  ],
  ["keys out of reach", { headers: { authorization: "Bearer down" } }, 503, -32603, { "retry-after": /^\d+$/ }],
  ["authentication that fails", { headers: { authorization: "Bearer broken" } }, 500, -32603],
  ["an Accept without streams", { headers: { ...bearer, accept: "application/json" } }, 406, -32000],
  ["an Accept without JSON", { headers: { ...bearer, accept: "text/event-stream" } }, 406, -32000],
  ["no Accept", { headers: { ...bearer, accept: undefined } }, 406, -32000],
  ["a GET that takes no stream", { method: "GET", headers: { ...bearer, accept: "application/json" } }, 406, -32000],
  ["another Content-Type", { headers: { ...bearer, "content-type": "text/plain" } }, 415, -32000],
  ["a body that is no JSON", { headers: bearer, body: "{" }, 400, -32700],
  ["a body that says what it is", { headers: bearer, body: "too large" }, 400, -32700],
  ["an empty body", { headers: bearer, body: "" }, 400, -32700],
  ["JSON nested too deep", { headers: bearer, body: deep }, 400, -32600],
  ["an empty batch", { headers: bearer, body: "[]" }, 400, -32600],
  ["a batch too long", { headers: bearer, body: `[${Array(101).fill("1").join()}]` }, 400, -32600],
];

describe.each([
  ["node", overNode],
  ["fetch", overFetch],
] as const)("the %s face", (name, open) => {
  let face: Face;
  beforeAll(async () => {
    face = await open({ authenticate, limits: { maxBodyBytes: 1_000 } });
  });
  afterAll(() => face.close());
  afterEach(() => {
    seen.length = 0;
  });

  it.each(rows)("refuses %s", async (_name, ask, status, code, headers = {}) => {
    const answer = await face.ask(ask);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ jsonrpc: "2.0", error: { code }, id: null });
    expect(answer.headers["content-type"]).toBe("application/json");
    for (const [header, value] of Object.entries(headers)) {
      // `Response` keeps hop-by-hop headers to itself only in some runtimes; the connection is the host's there.
      if (name === "fetch" && header === "connection") continue;
      expect(answer.headers[header]).toEqual(value instanceof RegExp ? expect.stringMatching(value) : value);
    }
    expect(answer.body).not.toContain("secret");
    expect(seen).toEqual([]);
  });

  it("sends each era to its server, with the principal of its token", async () => {
    expect((await face.ask({ headers: bearer })).body).toBe('"2025"');
    expect((await face.ask({ headers: bearer, body: modern })).body).toBe('"2026"');
    expect((await face.ask({ method: "GET", headers: bearer })).body).toBe('"2025"');
    expect((await face.ask({ method: "DELETE", headers: { ...bearer, accept: undefined } })).body).toBe('"2025"');
    expect(seen.map(({ era, inbound }) => [era, inbound.method, inbound.principal])).toEqual([
      ["2025", "POST", alice],
      ["2026", "POST", alice],
      ["2025", "GET", alice],
      ["2025", "DELETE", alice],
    ]);
    const [first] = seen;
    expect(first?.inbound.body).toEqual(JSON.parse(ping));
    expect(first?.inbound.header("authorization")).toBe("Bearer alice");
  });

  it("hands out the request with its body", async () => {
    await face.ask({ headers: { ...bearer, "x-more": "1" }, body: modern });
    const request = seen[0]?.inbound.request();
    expect(request).toBeInstanceOf(Request);
    expect(request?.method).toBe("POST");
    expect(request?.headers.get("x-more")).toBe("1");
    expect(request?.url).toMatch(/^http:\/\/localhost:3000\//);
    expect(request?.signal.aborted).toBe(false);
    if (name === "node") expect(await request?.clone().json()).toEqual(JSON.parse(modern));
  });

  it("takes local callers for the local user where nothing authenticates", async () => {
    const open_ = await open({});
    expect((await open_.ask({})).status).toBe(200);
    expect(seen[0]?.inbound.principal).toEqual(localUser);
    await open_.close();
  });

  it("has no use for streams or sessions where they are switched off", async () => {
    const bare = await open({ stateless: true, response: "json" });
    expect(await bare.ask({ method: "GET" })).toMatchObject({ status: 405, headers: { allow: "POST" } });
    expect(await bare.ask({ method: "DELETE" })).toMatchObject({ status: 405, headers: { allow: "POST" } });
    expect(await bare.ask({ headers: { accept: "application/json" } })).toMatchObject({ status: 200 });
    await bare.close();
  });

  it("while draining lets in only what calls under way need", async () => {
    const draining = await open({});
    draining.drain();
    const told = [
      { jsonrpc: "2.0", id: 7, result: {} },
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } },
    ];
    for (const message of told)
      expect(await draining.ask({ body: JSON.stringify(message) })).toMatchObject({ status: 200 });
    const asks: Ask[] = [{}, { body: modern }, { body: `[${ping}]` }, { method: "GET" }, { method: "DELETE" }];
    for (const ask of asks) {
      expect(await draining.ask(ask)).toMatchObject({
        status: 503,
        headers: { "retry-after": expect.stringMatching(/^\d+$/) },
      });
    }
    expect(seen).toHaveLength(2);
    await draining.close();
  });
});

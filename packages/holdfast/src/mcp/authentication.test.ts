/** What becomes of those whose token is narrowed, revoked or another's, in the midst of things. */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { holdfast } from "../hold.ts";
import type { AuthAnswer } from "../security/authenticate.ts";
import type { Hold } from "../state/hold.ts";
import { reply } from "./reply.ts";
import { serve } from "./serve.ts";
import type { App } from "./types.ts";

const usual = { accept: "application/json, text/event-stream", "content-type": "application/json" };
const meta = {
  [PROTOCOL_VERSION_META_KEY]: "2026-07-28",
  [CLIENT_INFO_META_KEY]: { name: "c", version: "1" },
  [CLIENT_CAPABILITIES_META_KEY]: {},
};

let hold: Hold;
let app: App;
let says: () => AuthAnswer;
let asked: number;

const allowed = (...scopes: string[]): AuthAnswer => ({
  ok: true,
  principal: { issuer: "i", subject: "alice", scopes },
  resourceMetadata: "https://h/meta",
});
const refused: AuthAnswer = { ok: false, status: 401, message: "no", challenge: "Bearer" };

beforeEach(async () => {
  asked = 0;
  says = () => allowed("read");
  hold = await holdfast({ store: "memory:", kinds: [] });
  app = serve(
    hold,
    { name: "s", version: "1" },
    (server, { principal }) => {
      server.registerTool("scopes", {}, () => reply({ scopes: [...principal.scopes] }));
      server.registerTool("remove", {}, () => reply({ removed: true }));
    },
    {
      authenticate: () => {
        asked += 1;
        return says();
      },
      toolScopes: { remove: ["write"] },
      limits: { reauthenticateMs: 10 },
    },
  );
});
afterEach(async () => {
  await app.close();
  await hold.close();
});

function send(method: string, params: object, headers: Record<string, string> = {}): Promise<Response> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  return app(new Request("http://localhost/mcp", { method: "POST", headers: { ...usual, ...headers }, body }));
}

async function session(): Promise<Record<string, string>> {
  const clientInfo = { name: "c", version: "1" };
  const opened = await send("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
  await opened.text();
  const headers = {
    "mcp-session-id": opened.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": "2025-11-25",
  };
  await (await send("notifications/initialized", {}, headers)).text();
  return headers;
}

const listenModern = (): Promise<Response> =>
  send(
    "subscriptions/listen",
    { notifications: { toolsListChanged: true }, _meta: meta },
    { "mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen" },
  );
async function listenSession(): Promise<Response> {
  const headers = await session();
  return app(new Request("http://localhost/mcp", { method: "GET", headers: { ...usual, ...headers } }));
}

describe("a stream", () => {
  it.each([
    ["2025", listenSession],
    ["2026", listenModern],
  ])("of the %s era ends soon after its token was revoked, and not before", async (_, listen) => {
    const stream = await listen();
    expect(stream.status).toBe(200);
    const before = asked;
    let ended = false;
    const reading = stream.text().then(() => (ended = true));
    await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(before + 3);
    expect(ended).toBe(false);
    says = () => refused;
    await reading;
    const then = asked;
    // Nobody asks for a stream that is over.
    await expect.poll(async () => (await app(new Request("http://localhost/mcp", { method: "GET" }))).status).toBe(401);
    expect(asked - then).toBeLessThan(3);
  });

  it.each([
    ["scopes", () => allowed("read", "write")],
    ["principal", (): AuthAnswer => ({ ok: true, principal: { issuer: "i", subject: "bob", scopes: ["read"] } })],
    [
      "word of whether the token stands",
      (): AuthAnswer => {
        throw new Error("the issuer is down");
      },
    ],
  ])("ends where there is another %s", async (_, other) => {
    const stream = await listenSession();
    says = other;
    expect(await stream.text()).not.toContain('"jsonrpc"');
  });
});

describe("scopes", () => {
  it("of a tool are asked for before the call reaches it, with a challenge that names them", async () => {
    const headers = await session();
    const batch = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "remove" };
    for (const call of [
      () => send("tools/call", { name: "remove", arguments: {} }, headers),
      () => send("tools/call", { name: "remove", arguments: {}, _meta: meta }, batch),
    ]) {
      const answer = await call();
      expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([
        403,
        'Bearer realm="holdfast", error="insufficient_scope", scope="write", resource_metadata="https://h/meta"',
      ]);
      await answer.text();
      says = () => allowed("read", "write");
      expect(await (await call()).text()).toContain('"removed":true');
      says = () => allowed("read");
    }
  });

  it("are those of the call's token, not of the one that opened the session (F18)", async () => {
    says = () => allowed("read", "admin");
    const headers = await session();
    const call = async (): Promise<string> =>
      (await send("tools/call", { name: "scopes", arguments: {} }, headers)).text();
    expect(await call()).toContain('"scopes":["read","admin"]');
    says = () => allowed("read");
    expect(await call()).toContain('"scopes":["read"]');
  });

  it("that could not be in a header are refused at once", () => {
    const open = (): App => serve(hold, { name: "s", version: "1" }, () => undefined, { toolScopes: { a: ['x"y'] } });
    expect(open).toThrow("toolScopes.a");
  });
});

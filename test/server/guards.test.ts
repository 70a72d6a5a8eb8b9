/** The HTTP side of the server as strangers meet it. */
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { valueOf } from "../clients/caller.ts";
import { removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { connect, openRawSession, post, toolCall } from "./connect.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({
    args: ["--allowed-origins", "https://app.example.com", "--allowed-hosts", "localhost,127.0.0.1,mcp.example.com"],
  });
});

afterAll(async () => {
  await server.kill();
  await removeFolder(server.dir);
});

describe("a request", () => {
  it.each([
    ["127.0.0.1", false],
    ["127.0.0.1:9999", false],
    ["mcp.example.com", false],
    ["evil.example.com", true],
    ["127.0.0.1.evil.example.com", true],
  ])("addressed to %s is refused: %s", async (host, refused) => {
    expect((await statusWith({ host })) === 403).toBe(refused);
  });

  it.each([
    ["https://app.example.com", false],
    ["https://app.example.com.evil.example", true],
    ["http://app.example.com", true],
    ["null", true],
  ])("from a page of %s is refused: %s", async (origin, refused) => {
    expect((await statusWith({ origin })) === 403).toBe(refused);
  });

  it("that is no JSON, or of another type, or not to be answered, is refused exactly", async () => {
    expect((await post(server.url, "{ oops")).status).toBe(400);
    expect((await post(server.url, "{}", { "content-type": "text/plain" })).status).toBe(415);
    expect((await post(server.url, toolCall("server_stats"), { accept: "text/html" })).status).toBe(406);
    expect((await post(server.url, [])).status).toBe(400);
  });

  it("elsewhere is answered as JSON, whatever its method", async () => {
    for (const method of ["GET", "POST", "DELETE", "PUT", "OPTIONS"]) {
      const answer = await fetch(`${server.origin}/elsewhere`, { method });
      expect([method, answer.status, await answer.json()]).toEqual([
        method,
        404,
        { error: "not_found", message: "there is nothing here; MCP is served at /mcp" },
      ]);
    }
  });

  it("by an unknown method on the endpoint is 405 and says what is allowed", async () => {
    for (const method of ["PUT", "PATCH", "OPTIONS"]) {
      const answer = await fetch(server.url, { method });
      expect([method, answer.status]).toEqual([method, 405]);
      expect(answer.headers.get("allow")).toContain("POST");
      await answer.body?.cancel();
    }
  });
});

describe.each([
  ["json", /^application\/json/],
  ["sse", /^text\/event-stream/],
  ["auto", /^application\/json/],
])("--response %s", (response, type) => {
  it("pins the form of answers in the 2025 era", async () => {
    await using other = await startServer({ args: ["--response", response] });
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } };
    const answer = await post(other.url, { jsonrpc: "2.0", id: 0, method: "initialize", params });
    const session = answer.headers.get("mcp-session-id") ?? "";
    const call = await post(other.url, toolCall("list_session_keys"), {
      "mcp-session-id": session,
      "mcp-protocol-version": "2025-11-25",
    });
    expect(call.headers.get("content-type")).toMatch(type);
    expect(call.json).toMatchObject({ result: { structuredContent: { keys: [] } } });
    await other.stop();
    await removeFolder(other.dir);
  });
});

describe("an initialize that does not say what it has to", () => {
  it.each([
    ["has no params", undefined],
    ["names no client", { protocolVersion: "2025-11-25", capabilities: {} }],
    [
      "names a client without a version",
      { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "x" } },
    ],
    ["has a number for a version", { protocolVersion: 1, capabilities: {}, clientInfo: { name: "x", version: "1" } }],
  ])("%s: is refused in plain words, and makes no session", async (_what, params) => {
    await using other = await startServer({ store: "memory:" });
    const answer = await post(other.url, { jsonrpc: "2.0", id: 0, method: "initialize", params });
    expect(answer.headers.get("mcp-session-id")).toBeNull();
    expect(answer.json).toEqual({
      jsonrpc: "2.0",
      id: 0,
      error: { code: -32602, message: expect.stringMatching(/^Invalid params: initialize takes/) },
    });
    await other.stop();
    await removeFolder(other.dir);
  });
});

describe("--host", () => {
  it.each(["localhost", "127.0.0.2", "::1"])("%s serves clients that use that name", async (host) => {
    const other = await startServer({ args: ["--host", host], store: "memory:" }).catch((error: unknown) => {
      // Machines without IPv6, or with a single loopback address, cannot bind it.
      if (String(error).includes("is no address of this machine")) return undefined;
      throw error;
    });
    if (other === undefined) return;
    expect(other.url).toBe(`http://${host.includes(":") ? `[${host}]` : host}:${other.port}/mcp`);
    await using client = await connect(other.url, "2026");
    await valueOf(client.call("create_session"));
    await other.stop();
    await removeFolder(other.dir);
  });
});

describe("--log-level debug", () => {
  it("logs one line per request, as JSON on stderr, without ids", async () => {
    const other = await startServer({ args: ["--log-level", "debug"], store: "memory:" });
    const named = await openRawSession(other.url);
    await post(`${other.url}?token=hush`, toolCall("list_session_keys"), named);
    await other.stop();
    const logged = other
      .stderr()
      .split("\n")
      .filter((line) => line.startsWith('{"level"'))
      .map((line) => JSON.parse(line));
    expect(logged).toContainEqual(
      expect.objectContaining({ method: "POST", path: "/mcp", status: 200, ms: expect.any(Number), cut: false }),
    );
    expect(other.stderr()).not.toContain("hush");
    expect(other.stderr()).not.toContain(named["mcp-session-id"]);
    await removeFolder(other.dir);
  });
});

/** The status of a ping with a header that `fetch` would not let us set. */
function statusWith(headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      server.url,
      {
        method: "POST",
        agent: false,
        headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
      },
      (answer) => {
        answer.resume();
        answer.once("end", () => resolve(answer.statusCode));
      },
    );
    sent.once("error", reject);
    sent.end(body);
  });
}

import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConnectionRegistry } from "../connections.ts";
import { Gate } from "../http/gate.ts";
import { resolveServeOptions } from "../options.ts";
import { nodeFace } from "./node.ts";

const ping = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }));
const accept = "Accept: application/json, text/event-stream";
const json = "Content-Type: application/json";

let server: Server;
let served = 0;

beforeEach(async () => {
  served = 0;
  const registry = new ConnectionRegistry(10);
  const options = resolveServeOptions({
    authenticate: (request) =>
      request.header("authorization") === "Bearer good"
        ? { ok: true, principal: { issuer: "i", subject: "s", scopes: [] } }
        : { ok: false, status: 401, message: "no" },
  });
  const servers = {
    sessions: {
      handle: async () => {
        served += 1;
        return { status: 200, headers: {}, body: "served" };
      },
    },
    stateless: { handle: async () => Response.json("served") },
  };
  const gate = new Gate(options, servers, registry);
  server = createServer(nodeFace({ gate, connections: registry, silentMs: 60_000, onError: () => undefined }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** What a client that writes its own headers gets to read. */
function answerTo(lines: readonly string[], body: Buffer = ping): Promise<string> {
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const head = ["POST /mcp HTTP/1.1", accept, "Connection: close", `Content-Length: ${body.length}`, ...lines];
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
    });
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    socket.on("error", reject).on("close", () => resolve(text));
  });
}

const good = ["Host: localhost", "Authorization: Bearer good", json];

describe("a header that stands twice", () => {
  it.each([
    ["host", "HOST: evil.example", 403],
    ["token", "authorization: Bearer other", 401],
    ["content type", "content-type: text/plain", 415],
  ])("does not count as its first %s alone", async (_, second, status) => {
    expect(await answerTo(good)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await answerTo([...good, second])).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(await answerTo([second, ...good])).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(served).toBe(1);
  });
});

describe("a body that is no UTF-8", () => {
  it.each([
    ["a byte of no character", [0xff]],
    ["half a character", [0xc3]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
  ])("is refused rather than read as something else: %s", async (_, bytes) => {
    const body = Buffer.concat([Buffer.from('{"jsonrpc":"2.0","method":"'), Buffer.from(bytes), Buffer.from('"}')]);
    const answer = await answerTo(good, body);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":-32700');
    expect(served).toBe(0);
  });
});

/** Requests as no client library sends them: read in one way, or refused and the connection closed. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { removeFolder, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { within } from "../lib/waiting.ts";

let dir: string;
let server: ServerProcess;

beforeAll(async () => {
  dir = await temporaryFolder();
  await writeFile(join(dir, "tokens.json"), JSON.stringify({ tok: { subject: "alice", clientId: "cli", scopes: [] } }));
  server = await startServer({ dir, args: ["--auth-tokens", join(dir, "tokens.json")] });
});
afterAll(async () => {
  await server.kill();
  await removeFolder(dir);
});

const crlf = "\r\n";
const types = ["Accept: application/json, text/event-stream", "Content-Type: application/json"];
const token = "Authorization: Bearer tok";
const host = "Host: localhost";
const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
const hex = ping.length.toString(16);
/** What comes after a request that the server ends by closing: its answer would be a second one. */
const smuggled = `GET /healthz HTTP/1.1${crlf}${host}${crlf}${crlf}`;

const post = (...headers: readonly string[]): string => ["POST /mcp HTTP/1.1", ...headers, "", ""].join(crlf);
const length = (body: string): string => `Content-Length: ${body.length}`;

/** What the server says until there is enough of it, or it has closed the connection. */
async function exchange(sent: string, enough?: (got: string) => string | undefined): Promise<string> {
  const socket = connect(server.port, "127.0.0.1");
  let got = "";
  let step = enough;
  socket.setEncoding("latin1").on("error", () => undefined);
  socket.on("data", (part: string) => {
    got += part;
    const next = step?.(got);
    if (next === undefined) return;
    step = undefined;
    if (next === "") socket.destroy();
    else socket.write(next);
  });
  const closed = once(socket, "close");
  socket.write(sent);
  await within(closed, 20_000, () => `still open, having said ${JSON.stringify(got)}`);
  return got;
}

const statuses = (got: string): readonly string[] =>
  [...got.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => code ?? "");

describe("a body that is announced with Expect", () => {
  const asking = [...types, "Expect: 100-continue", length(ping)];

  it.each<[string, string, string]>([
    ["without a token", post(host, ...asking), "401"],
    ["for another host", post("Host: evil.example", token, ...asking), "403"],
    ["from another origin", post(host, token, "Origin: https://evil.example", ...asking), "403"],
    ["larger than any may be", post(host, token, ...types, "Expect: 100-continue", "Content-Length: 99999999"), "413"],
    [
      "of another type",
      post(host, token, types[0] ?? "", "Content-Type: text/plain", "Expect: 100-continue", length(ping)),
      "415",
    ],
  ])("%s is not asked for, and the connection closed", async (_whose, head, status) => {
    expect(statuses(await exchange(head))).toEqual([status]);
    // Nor is what comes after the head taken for a request.
    expect(statuses(await exchange(head + smuggled))).toEqual([status]);
  });

  it("is asked for once it may come, and the connection serves on", async () => {
    const got = await exchange(post(host, token, ...asking), (said) =>
      said.endsWith(`100 Continue${crlf}${crlf}`)
        ? ping + smuggled.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
        : undefined,
    );
    expect(statuses(got)).toEqual(["100", "400", "200"]);
  });

  it("elsewhere is not asked for", async () => {
    const head = ["GET /healthz HTTP/1.1", host, "Expect: 100-continue", length(ping), "", ""].join(crlf);
    expect(statuses(await exchange(head))).toEqual(["200"]);
  });
});

it.each<[string, string]>([
  [
    "a length and chunks",
    `${post(host, token, ...types, "Content-Length: 4", "Transfer-Encoding: chunked")}0${crlf}${crlf}`,
  ],
  ["two lengths", `${post(host, token, ...types, "Content-Length: 4", length(ping))}${ping}`],
  [
    "chunks that are not the last coding",
    `${post(host, token, ...types, "Transfer-Encoding: chunked, identity")}0${crlf}${crlf}`,
  ],
  [
    "a coding that only looks like chunks",
    `${post(host, token, ...types, "Transfer-Encoding: xchunked")}0${crlf}${crlf}`,
  ],
  ["a blank before the colon", `${post(host, token, ...types, "Transfer-Encoding : chunked")}0${crlf}${crlf}`],
  ["a folded header", `${post(host, ...types, `Authorization: Bearer${crlf} tok`, length(ping))}${ping}`],
  ["lines that end in LF alone", `${post(host, token, ...types, length(ping)).replaceAll(crlf, "\n")}${ping}`],
  ["a CR in a header", `${post(host, token, ...types, "X-A: a\rb", length(ping))}${ping}`],
  ["a NUL in a header", `${post(host, token, ...types, "X-A: a\0b", length(ping))}${ping}`],
  ["a negative length", post(host, token, ...types, "Content-Length: -1")],
  ["a signed length", `${post(host, token, ...types, `Content-Length: +${ping.length}`)}${ping}`],
  [
    "a chunk's size that ends in LF alone",
    `${post(host, token, ...types, "Transfer-Encoding: chunked")}${hex}\n${ping}${crlf}0${crlf}${crlf}`,
  ],
  [
    "a chunk's extension that ends in LF alone",
    `${post(host, token, ...types, "Transfer-Encoding: chunked")}${hex};\n${ping}${crlf}0${crlf}${crlf}`,
  ],
  ["a method in small letters", `${post(host, token, ...types, length(ping)).replace("POST", "post")}${ping}`],
  ["no host", `${post(token, ...types, length(ping))}${ping}`],
])("%s: one refusal, and nothing after it is read", async (_what, sent) => {
  const said = statuses(await exchange(sent + smuggled));
  expect(said).toHaveLength(1);
  expect(said[0]).toBe("400");
});

it("two hosts, and trailers that would be a token, are refused by what the head says", async () => {
  const closing = "Connection: close";
  const two = await exchange(`${post(host, "Host: evil.example", token, ...types, closing, length(ping))}${ping}`);
  expect(statuses(two)).toEqual(["403"]);
  const chunked = post(host, ...types, closing, "Transfer-Encoding: chunked", "Trailer: authorization");
  const trailing = await exchange(`${chunked}${hex}${crlf}${ping}${crlf}0${crlf}${token}${crlf}${crlf}`);
  expect(statuses(trailing)).toEqual(["401"]);
});

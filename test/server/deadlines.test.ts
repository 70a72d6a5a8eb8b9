/** Connections that keep the server waiting: for a head, for a body, or for anything at all. */
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { valueOf } from "../clients/caller.ts";
import { everything } from "../lib/extent.ts";
import { removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { within } from "../lib/waiting.ts";
import { connect as connectClient } from "./connect.ts";

/** As docs/limits.md has them, how often they are looked at, and patience with a slow machine. */
const headMs = 15_000;
const wholeMs = 60_000;
const idleMs = 65_000;
const lateMs = 30_000;
const timeout = idleMs + 2 * lateMs;

const head = [
  "POST /mcp HTTP/1.1",
  "Host: localhost",
  "Accept: application/json, text/event-stream",
  "Content-Type: application/json",
];
const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server.kill();
  await removeFolder(server.dir);
});

type Closed = { readonly text: string; readonly afterMs: number };

/** What a client that sends `first`, and then `drip` twice a second, gets to read until the server has had enough. */
async function untilClosed(first: string, drip: string, deadlineMs: number): Promise<Closed> {
  const since = performance.now();
  const socket: Socket = connect(server.port, "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => (text += part));
  // That it is reset while it sends is one way of being told.
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  if (first !== "") socket.write(first);
  const dripping = drip === "" ? undefined : setInterval(() => socket.write(drip), 500);
  try {
    await within(closed, deadlineMs, () => `still open after ${deadlineMs} ms, having said ${JSON.stringify(text)}`);
  } finally {
    clearInterval(dripping);
    socket.destroy();
  }
  return { text, afterMs: performance.now() - since };
}

describe.concurrent("a connection", () => {
  it("whose head comes a line at a time is told 408 and closed, while others are served", { timeout }, async () => {
    const slow = untilClosed(`${head.join("\r\n")}\r\n`, "X-More: 1\r\n", headMs + lateMs);
    await using client = await connectClient(server.url, "2025");
    await valueOf(client.call("list_session_keys"));
    const { text, afterMs } = await slow;
    expect(text).toMatch(/^(HTTP\/1\.1 408 |$)/);
    expect(afterMs).toBeGreaterThan(headMs - 1_000);
    await valueOf(client.call("list_session_keys"));
  });

  it("on which nothing is ever said is closed as soon", { timeout }, async () => {
    const { afterMs } = await untilClosed("", "", headMs + lateMs);
    expect(afterMs).toBeGreaterThan(headMs - 1_000);
  });

  if (!everything) return;

  it("whose body comes a byte at a time is told 408 and closed", { timeout }, async () => {
    const { text } = await untilClosed(`${head.join("\r\n")}\r\nContent-Length: 1000\r\n\r\n`, " ", wholeMs + lateMs);
    expect(text).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  it("that was answered and asks for nothing more is closed later than balancers close theirs", {
    timeout,
  }, async () => {
    const request = `${head.join("\r\n")}\r\nContent-Length: ${ping.length}\r\n\r\n${ping}`;
    const { text, afterMs } = await untilClosed(request, "", idleMs + lateMs);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(afterMs).toBeGreaterThan(60_000);
  });
});

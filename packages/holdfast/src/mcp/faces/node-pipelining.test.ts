/** Requests that are sent on one connection before the earlier ones were answered. */
import { connect, createServer } from "node:http2";
import { afterEach, beforeEach, expect, it } from "vitest";

import type { Reply } from "../exchange.ts";
import { Bench, readAll, until } from "./node.test-kit.ts";
import { maxAhead } from "./turns.ts";

const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
const request =
  "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: application/json, text/event-stream\r\n" +
  `Content-Type: application/json\r\nContent-Length: ${ping.length}\r\n\r\n${ping}`;
const last = request.replace("Host", "Connection: close\r\nHost");
const served: Reply = { status: 200, headers: {} };

let bench: Bench;
let signals: AbortSignal[];
let released: (() => void)[];
beforeEach(() => {
  [bench, signals, released] = [new Bench(), [], []];
  bench.legacy = ({ signal }) => {
    signals.push(signal);
    return new Promise((resolve) => released.push(() => resolve(served)));
  };
});
afterEach(async () => {
  bench.server.closeAllConnections();
  await new Promise((resolve) => bench.server.close(resolve));
  expect(bench.errors).toEqual([]);
});

const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("are taken in hand one after the other, and answered in order", async () => {
  const socket = await bench.socket();
  const answers = readAll(socket);
  socket.write(request.repeat(4) + last);
  for (let taken = 1; taken <= 5; taken += 1) {
    await until(() => signals.length === taken);
    for (let turn = 0; turn < 5; turn += 1) await turns();
    expect(signals.length).toBe(taken);
    released[taken - 1]?.();
  }
  expect([...(await answers).matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)).toEqual(
    Array.from({ length: 5 }, () => "200"),
  );
  await until(() => !bench.registry.busy);
});

it("are no such requests where they are streams of HTTP/2", async () => {
  const listener = bench.server.listeners("request")[0] as (...given: unknown[]) => void;
  const server = createServer((incoming, response) => listener(incoming, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const session = connect(`http://localhost:${typeof address === "object" ? address?.port : 0}`);
  const headers = { accept: "application/json, text/event-stream", "content-type": "application/json" };
  const streams = [0, 1, 2].map(() => {
    const stream = session.request({ ":method": "POST", ":path": "/mcp", host: "localhost", ...headers });
    stream.end(ping);
    stream.resume();
    return new Promise((resolve) => stream.once("close", resolve));
  });
  await until(() => signals.length === 3);
  for (const release of released) release();
  await Promise.all(streams);
  expect(bench.registry.busy).toBe(false);
  session.close();
  await new Promise((resolve) => server.close(resolve));
});

it("let others have their turn in between", async () => {
  const order: string[] = [];
  bench.legacy = async ({ header }) => {
    order.push(header("x-who") ?? "");
    return served;
  };
  const [many, few] = [await bench.socket(), await bench.socket()];
  const by = (who: string, text: string): string => text.replaceAll("Host:", `X-Who: ${who}\r\nHost:`);
  const done = Promise.all([readAll(many), readAll(few)]);
  many.write(by("many", request.repeat(50) + last));
  few.write(by("few", last));
  await done;
  expect(order.length).toBe(52);
  expect(order.indexOf("few")).toBeLessThan(26);
});

it("hear that their connection is gone, and those that had no turn yet never get one", async () => {
  const socket = await bench.socket();
  socket.write(request.repeat(3));
  await until(() => signals.length === 1);
  socket.destroy();
  await until(() => signals[0]?.aborted === true);
  expect(bench.registry.busy).toBe(true);
  released[0]?.();
  await until(() => !bench.registry.busy);
  for (let turn = 0; turn < 10; turn += 1) await turns();
  expect(signals.length).toBe(1);
});

it("cost their client its connection where they are far too many", async () => {
  const socket = await bench.socket();
  const answers = readAll(socket);
  socket.write(request.repeat(maxAhead + 2));
  expect(await answers).toBe("");
  expect(signals.length).toBeLessThanOrEqual(1);
  released[0]?.();
  await until(() => !bench.registry.busy);
});

it("hear of the end where somebody else's answer is still before theirs", async () => {
  const [face] = bench.server.listeners("request");
  bench.server.removeAllListeners("request");
  bench.server.on("request", (incoming, response) => {
    if (incoming.url === "/mcp") Reflect.apply(face as () => void, bench.server, [incoming, response]);
  });
  const socket = await bench.socket();
  socket.write(`GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n${request}`);
  await until(() => signals.length === 1);
  socket.destroy();
  await until(() => signals[0]?.aborted === true);
  released[0]?.();
  await until(() => !bench.registry.busy);
  expect(signals.length).toBe(1);
});

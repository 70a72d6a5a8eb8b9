import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";
import { type Proxy, startProxy } from "./proxy.ts";

/** Answers whatever it hears, in capitals. */
const echo = createServer((socket) => {
  socket.on("data", (data) => socket.write(data.toString().toUpperCase()));
  socket.on("error", () => undefined);
});
let target = "";

beforeAll(async () => {
  await once(echo.listen(0, "127.0.0.1"), "listening");
  const address = echo.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  target = `tcp://127.0.0.1:${address.port}`;
});
afterAll(() => new Promise((resolve) => echo.close(resolve)));

type Client = { readonly socket: Socket; heard(): string; ended(): string | undefined };

async function proxyFor(): Promise<Proxy> {
  const proxy = await startProxy(target);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

async function join({ url }: Proxy): Promise<Client> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let heard = "";
  let ended: string | undefined;
  socket.on("data", (data) => (heard += data.toString()));
  socket.on("end", () => (ended = "end"));
  socket.on("error", (error: NodeJS.ErrnoException) => (ended = error.code));
  onTestFinished(() => {
    socket.destroy();
  });
  await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
  return { socket, heard: () => heard, ended: () => ended };
}

it("passes everything on, both ways, and knows when a connection is over", async () => {
  const proxy = await proxyFor();
  const client = await join(proxy);
  client.socket.write("one");
  await eventually("an answer", () => client.heard() === "ONE");
  expect(proxy.seen).toEqual({ requests: { passed: 3, lost: 0 }, replies: { passed: 3, lost: 0 } });
  expect([proxy.accepted, proxy.connections]).toEqual([1, 1]);
  client.socket.end();
  await eventually("its end", () => proxy.connections === 0);
  await eventually("its end at the client", () => client.ended() !== undefined);
  expect(client.ended()).toBe("end");
});

it("passes more than sockets can hold, whole and in order", async () => {
  const proxy = await proxyFor();
  const client = await join(proxy);
  const text = Array.from({ length: 200_000 }, (_, index) => `${index}x`).join("");
  client.socket.write(text);
  await eventually("all of it", () => client.heard().length === text.length);
  expect(client.heard() === text.toUpperCase()).toBe(true);
});

it("delays a direction without changing the order", async () => {
  const proxy = await proxyFor();
  const client = await join(proxy);
  proxy.delay("replies", 150);
  const beganAt = performance.now();
  client.socket.write("slow ");
  await eventually("the request has passed", () => proxy.seen.replies.passed === 5);
  proxy.delay("replies", 0);
  client.socket.write("fast");
  await eventually("both", () => client.heard().length === 9);
  expect(client.heard()).toBe("SLOW FAST");
  expect(performance.now() - beganAt).toBeGreaterThan(140);
});

it.each(["requests", "replies"] as const)(
  "loses %s without a word, and ends what has a hole once it heals",
  async (direction) => {
    const proxy = await proxyFor();
    const [client, silent] = [await join(proxy), await join(proxy)];
    proxy.lose(direction);
    client.socket.write("one");
    await eventually("it is lost", () => proxy.seen[direction].lost === 3);
    expect(proxy.seen.requests.passed).toBe(direction === "replies" ? 3 : 0);
    expect([client.heard(), client.ended()]).toEqual(["", undefined]);
    await proxy.heal();
    await eventually("its end", () => client.ended() === "ECONNRESET");
    silent.socket.write("two");
    await eventually("an answer to one who lost nothing", () => silent.heard() === "TWO");
  },
);

it.each(["requests", "replies"] as const)("cuts after so many bytes of %s, once", async (direction) => {
  const proxy = await proxyFor();
  const client = await join(proxy);
  proxy.cutAfter(direction, 5);
  client.socket.write("one");
  await eventually("an answer", () => client.heard() === "ONE");
  client.socket.write("two");
  await eventually("its end", () => client.ended() !== undefined);
  expect(proxy.seen[direction].passed).toBe(5);
  expect(client.heard()).toBe(direction === "replies" ? "ONETW" : "ONE");
  const next = await join(proxy);
  next.socket.write("next");
  await eventually("an answer", () => next.heard() === "NEXT");
});

it("resets who is connected, and lets them come back", async () => {
  const proxy = await proxyFor();
  const client = await join(proxy);
  proxy.reset();
  await eventually("its end", () => client.ended() === "ECONNRESET");
  expect(proxy.connections).toBe(0);
  expect((await join(proxy)).ended()).toBeUndefined();
});

it("refuses newcomers until it heals, on the same port", async () => {
  const proxy = await proxyFor();
  const { url } = proxy;
  const client = await join(proxy);
  await proxy.refuse();
  expect((await join(proxy)).ended()).toBe("ECONNREFUSED");
  client.socket.write("still");
  await eventually("an answer", () => client.heard() === "STILL");
  await proxy.heal();
  expect(proxy.url).toBe(url);
  expect((await join(proxy)).ended()).toBeUndefined();
});

it("gives nobody a connection that its target refuses", async () => {
  const closed = createServer();
  await once(closed.listen(0, "127.0.0.1"), "listening");
  const address = closed.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  await new Promise((resolve) => closed.close(resolve));
  await using proxy = await startProxy(`tcp://127.0.0.1:${address.port}`);
  const client = await join(proxy);
  await eventually("its end", () => client.ended() === "ECONNRESET");
  expect(proxy.connections).toBe(0);
});

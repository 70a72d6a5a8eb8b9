/** What becomes of streams of the 2026-07-28 era whose readers stop reading. */
import type { Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import type { ServeLimits } from "../types.ts";
import { Bench, until } from "./node.test-kit.ts";

const kibi = 1024;
const headers = { accept: "application/json, text/event-stream", "content-type": "application/json" };
const modern = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "x",
  params: { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
});

let bench: Bench;
let answered: Socket | undefined;
let reader: Socket | undefined;

function open(limits?: Partial<ServeLimits>): void {
  bench = new Bench(limits);
  bench.server.once("request", ({ socket }) => (answered = socket));
}

afterEach(async () => {
  reader?.destroy();
  bench.server.closeAllConnections();
  await new Promise((resolve) => bench.server.close(resolve));
  expect(bench.errors).toEqual([]);
});

function eventStream(body: ReadableStream<Uint8Array> | Buffer): Response {
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** A stream of so many parts to a client that takes its head and no more. Returns whether the server has given it up. */
async function stall(parts: number, partBytes: number): Promise<() => boolean> {
  let over = false;
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (let part = 0; part < parts; part += 1) controller.enqueue(Buffer.alloc(partBytes, "x"));
    },
    cancel: () => {
      over = true;
    },
  });
  bench.stateless = async () => eventStream(source);
  const socket = await bench.socket();
  reader = socket;
  const lines = ["POST / HTTP/1.1", "Host: localhost", `Accept: ${headers.accept}`, "Content-Type: application/json"];
  socket.write(`${lines.join("\r\n")}\r\nContent-Length: ${modern.length}\r\n\r\n${modern}`);
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  return () => over;
}

it("disconnects who has taken nothing for four heartbeats, however little waits for it", async () => {
  open({ keepAliveMs: 50 });
  // More than a connection on one machine takes, and less than is too much.
  const over = await stall(7 * 16, 64 * kibi);
  await until(over, 30_000);
  expect(answered?.destroyed).toBe(true);
});

it("cuts off whom more than 16 MiB wait for", async () => {
  open();
  await until(await stall(32, kibi * kibi), 30_000);
  expect(answered?.destroyed).toBe(true);
});

it("lets who reads have a message of any size", async () => {
  open();
  const large = Buffer.alloc(24 * kibi * kibi, "x");
  bench.stateless = async () => eventStream(large);
  const read = await (await fetch(await bench.url(), { method: "POST", headers, body: modern })).text();
  expect(read).toHaveLength(large.length);
});

it("lets a stream on which nothing is said stay open", async () => {
  open({ keepAliveMs: 20 });
  let say: (text: string) => void = () => undefined;
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => {
      say = (text) => controller.enqueue(Buffer.from(text));
    },
  });
  bench.stateless = async () => eventStream(source);
  const answer = await fetch(await bench.url(), { method: "POST", headers, body: modern });
  const parts = answer.body?.getReader();
  let silences = 0;
  answered?.on("timeout", () => {
    silences += 1;
    // Said after its deadline, and read.
    say(": a word\n\n");
  });
  for (let part = 0; part < 2; part += 1)
    expect(Buffer.from((await parts?.read())?.value ?? []).toString()).toBe(": a word\n\n");
  expect(silences).toBeGreaterThan(1);
  await parts?.cancel();
});

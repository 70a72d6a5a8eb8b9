import { request as httpRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { StreamSink } from "../exchange.ts";
import type { ServeLimits } from "../types.ts";
import { Bench, readAll, until } from "./node.test-kit.ts";

const headers = { accept: "application/json, text/event-stream", "content-type": "application/json" };
const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
const modern = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "x",
  params: { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
});

const benches: Bench[] = [];
function open(limits?: Partial<ServeLimits>): Bench {
  const bench = new Bench(limits);
  benches.push(bench);
  return bench;
}
afterEach(async () => {
  for (const bench of benches.splice(0)) {
    bench.server.closeAllConnections();
    await new Promise((resolve) => bench.server.close(resolve));
    expect(bench.errors).toEqual([]);
    await until(() => bench.registry.view(() => ({ streams: 0, warm: 0 })).open === 0);
  }
});

describe("bodies", () => {
  it("answers 413 to a body that turns out too large and closes the connection, and the client sees it", async () => {
    const bench = open({ maxBodyBytes: 1_000 });
    const chunk = "x".repeat(64 * 1024);
    const socket = await bench.socket();
    const answer = readAll(socket);
    socket.write(
      `POST /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: ${headers.accept}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    for (let sent = 0; sent < 40 && socket.writable; sent++)
      socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    const text = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text.toLowerCase()).toContain("connection: close");
    expect(text).toContain('"code":-32000');
  });

  it("answers 413 to a fetch client that sends more than it said may come", async () => {
    const bench = open({ maxBodyBytes: 1_000 });
    const response = await fetch(await bench.url(), { method: "POST", headers, body: "x".repeat(3 * 1024 * 1024) });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { code: -32000 } });
  });

  it("counts bytes, not characters", async () => {
    const bench = open({ maxBodyBytes: 100 });
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "é".repeat(40) });
    expect(body.length).toBeLessThan(100);
    expect((await fetch(await bench.url(), { method: "POST", headers, body })).status).toBe(413);
  });

  it("puts characters together that arrive in pieces", async () => {
    const bench = open();
    let got: unknown;
    bench.legacy = async ({ body }) => {
      got = body;
      return { status: 200, headers: {}, body: "ok" };
    };
    const body = Buffer.from(JSON.stringify({ text: "grüße 🧺" }));
    const socket = await bench.socket();
    const answer = readAll(socket);
    socket.write(
      `POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    for (const byte of body) {
      socket.write(Buffer.of(byte));
      await new Promise(setImmediate);
    }
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(got).toEqual({ text: "grüße 🧺" });
  });

  it("takes a body that a framework has parsed, however it is handed over", async () => {
    const bench = open();
    const got: unknown[] = [];
    bench.legacy = async ({ body }) => {
      got.push(body);
      return { status: 200, headers: {}, body: "ok" };
    };
    const parsed = JSON.parse(ping) as unknown;
    const url = await bench.url();
    const post = (): Promise<Response> => fetch(url, { method: "POST", headers, body: ping });
    bench.parsed = parsed;
    await post();
    bench.parsed = () => "the next handler of a router";
    bench.before = (request) => Object.assign(request, { body: parsed });
    await post();
    bench.before = (request) => Object.assign(request, { body: Buffer.from(ping) });
    await post();
    bench.before = (request) => Object.assign(request, { body: ping });
    await post();
    expect(got).toEqual([parsed, parsed, parsed, parsed]);
  });

  it("does not wait for a body that somebody else has swallowed", async () => {
    const bench = open();
    const face = bench.server.listeners("request")[0] as (...given: unknown[]) => void;
    bench.server.removeAllListeners("request");
    bench.server.on("request", (request: IncomingMessage, response) => {
      request.resume().on("end", () => setImmediate(() => face(request, response)));
    });
    const response = await fetch(await bench.url(), { method: "POST", headers, body: ping });
    expect(await response.json()).toMatchObject({ error: { code: -32700 } });
  });

  it("forgets a client that leaves in the middle of its body", async () => {
    const bench = open();
    const socket = await bench.socket();
    socket.write(
      `POST / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a"`,
    );
    await until(() => bench.registry.view(() => ({ streams: 0, warm: 0 })).open === 1);
    socket.destroy();
    await until(() => bench.registry.view(() => ({ streams: 0, warm: 0 })).open === 0);
    expect(bench.registry.busy).toBe(false);
  });
});

describe("streams", () => {
  it("sends the head before the stream starts, and stops it once when the client leaves", async () => {
    const bench = open();
    let sink: StreamSink | undefined;
    let stops = 0;
    bench.legacy = async () => ({
      status: 200,
      headers: { "content-type": "text/event-stream" },
      body: {
        start: (given) => {
          sink = given;
          return () => {
            stops += 1;
          };
        },
      },
    });
    const gone = new AbortController();
    const response = await fetch(await bench.url(), { headers, signal: gone.signal });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    sink?.write("data: 1\n\n");
    const reader = response.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("data: 1\n\n");
    expect(sink?.buffered).toBe(0);
    gone.abort();
    await until(() => stops === 1);
    expect(sink?.write("late")).toBe(false);
    sink?.end();
    expect(stops).toBe(1);
  });

  it("takes nothing more after the end of a stream", async () => {
    const bench = open();
    let sink: StreamSink | undefined;
    bench.legacy = async () => ({
      status: 200,
      headers: {},
      body: {
        start: (given) => {
          sink = given;
          given.write("all");
          given.end();
          return () => undefined;
        },
      },
    });
    expect(await (await fetch(await bench.url(), { headers })).text()).toBe("all");
    expect(sink?.write("late")).toBe(false);
    sink?.end();
  });

  it("starts and stops a stream whose client has gone meanwhile, so that nothing stays reserved for it", async () => {
    const bench = open();
    const steps: string[] = [];
    bench.legacy = ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () =>
          resolve({
            status: 200,
            headers: {},
            body: {
              start: (sink) => {
                steps.push(`started, ${sink.write("x")}`);
                return () => steps.push("stopped");
              },
            },
          }),
        );
      });
    const gone = new AbortController();
    const left = fetch(await bench.url(), { headers, signal: gone.signal }).catch(() => "left");
    await until(() => bench.registry.view(() => ({ streams: 0, warm: 0 })).open === 1);
    gone.abort();
    await left;
    await until(() => steps.length === 2);
    expect(steps).toEqual(["started, false", "stopped"]);
  });

  it("tells the writer how far a slow reader is behind", async () => {
    const bench = open();
    let sink: StreamSink | undefined;
    bench.legacy = async () => ({
      status: 200,
      headers: {},
      body: {
        start: (given) => {
          sink = given;
          return () => undefined;
        },
      },
    });
    const socket = await bench.socket();
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
    await until(() => sink !== undefined);
    socket.pause();
    const chunk = "x".repeat(1024 * 1024);
    let slow = false;
    for (let sent = 0; sent < 16; sent++) slow = sink?.write(chunk) === false || slow;
    await new Promise(setImmediate);
    expect(slow).toBe(true);
    expect(sink?.buffered).toBeGreaterThan(1024 * 1024);
    socket.destroy();
  });

  it.each([5_000, 0])(
    "gives a client that takes nothing of its answer a deadline, and one that took it its connection back (%d ms idle)",
    async (keepAliveTimeout) => {
      const bench = open();
      bench.server.keepAliveTimeout = keepAliveTimeout;
      const answered: Socket[] = [];
      bench.server.on("request", ({ socket }) => answered.push(socket));
      bench.legacy = async () => ({ status: 200, headers: {}, body: "x".repeat(16 * 1024 * 1024) });
      const post = `POST / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: ${ping.length}\r\n\r\n${ping}`;
      const [slow, stuck] = [await bench.socket(), await bench.socket()];
      for (const socket of [slow, stuck]) socket.pause().write(post);
      await until(() => answered.length === 2 && answered.every(({ timeout }) => timeout === 30_000));
      const [patient, given] = answered;
      slow.resume();
      await until(() => (patient?.timeout ?? 0) !== 30_000);
      expect((patient?.timeout ?? 0) > 0).toBe(keepAliveTimeout > 0);
      given?.emit("timeout");
      await until(() => given?.destroyed === true);
      expect(patient?.destroyed).toBe(false);
      for (const socket of [slow, stuck]) socket.destroy();
    },
  );

  it("aborts what is under way when the client leaves before an answer", async () => {
    const bench = open();
    let aborted = false;
    bench.legacy = ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          resolve({ status: 200, headers: {}, body: "nobody reads this" });
        });
      });
    const gone = new AbortController();
    const left = fetch(await bench.url(), { method: "POST", headers, body: ping, signal: gone.signal }).catch(
      () => "left",
    );
    await until(() => bench.registry.busy);
    gone.abort();
    expect(await left).toBe("left");
    await until(() => aborted && !bench.registry.busy);
  });

  it("passes on a stream of the stateless era and cancels it when the client leaves", async () => {
    const bench = open();
    let cancelled = false;
    let push: ((text: string) => void) | undefined;
    bench.stateless = async () =>
      new Response(
        new ReadableStream({
          start: (controller) => {
            push = (text) => controller.enqueue(Buffer.from(text));
          },
          cancel: () => {
            cancelled = true;
          },
        }),
        { headers: { "content-type": "text/event-stream" } },
      );
    const gone = new AbortController();
    const response = await fetch(await bench.url(), { method: "POST", headers, body: modern, signal: gone.signal });
    push?.("data: 1\n\n");
    const part = await response.body?.getReader().read();
    expect(Buffer.from(part?.value ?? []).toString()).toBe("data: 1\n\n");
    gone.abort();
    await until(() => cancelled && !bench.registry.busy);
    expect(bench.registry.view(() => ({ streams: 0, warm: 0 })).streams).toBe(0);
  });

  it("cuts off a reader of the stateless era that never reads", async () => {
    const bench = open();
    const chunk = Buffer.alloc(1024 * 1024);
    let produced = 0;
    let cancelled = false;
    bench.stateless = async () =>
      new Response(
        new ReadableStream({
          pull: (controller) => {
            produced += 1;
            controller.enqueue(chunk);
          },
          cancel: () => {
            cancelled = true;
          },
        }),
        { headers: { "content-type": "text/event-stream" } },
      );
    const socket = await bench.socket();
    socket.pause();
    socket.write(
      `POST / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: ${modern.length}\r\n\r\n${modern}`,
    );
    await until(() => cancelled);
    expect(produced).toBeLessThan(64);
    socket.destroy();
  });
});

describe("connections", () => {
  it("counts sockets, and refuses one too many without serving it", async () => {
    const bench = open({ maxConnections: 1 });
    const first = await bench.socket();
    const post = `POST / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: ${ping.length}\r\n\r\n${ping}`;
    first.write(post);
    first.write(post);
    await until(() => bench.registry.view(() => ({ streams: 0, warm: 0 })).open === 1);
    const second = await bench.socket();
    const refused = readAll(second);
    second.write(post);
    const text = await refused;
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
    expect(text.toLowerCase()).toContain("retry-after: ");
    first.destroy();
    await until(() => bench.registry.view(() => ({ streams: 0, warm: 0 })).open === 0);
    expect((await fetch(await bench.url(), { method: "POST", headers, body: ping })).status).toBe(200);
  });

  it("serves only this machine where nobody authenticates", async () => {
    const bench = open();
    bench.before = (request) => Object.defineProperty(request.socket, "remoteAddress", { value: "192.0.2.7" });
    expect((await fetch(await bench.url(), { method: "POST", headers, body: ping })).status).toBe(403);
    bench.before = (request) => Object.defineProperty(request.socket, "remoteAddress", { value: "::ffff:127.0.0.1" });
    const one = await new Promise<number | undefined>((resolve, reject) => {
      bench.port().then((port) => {
        httpRequest({ port, host: "127.0.0.1", method: "POST", headers, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on("error", reject)
          .end(ping);
      }, reject);
    });
    expect(one).toBe(200);
  });
});

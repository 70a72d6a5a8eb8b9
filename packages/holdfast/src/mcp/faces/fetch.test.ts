import { describe, expect, it } from "vitest";
import { ConnectionRegistry } from "../connections.ts";
import type { Inbound, Reply, StreamSink } from "../exchange.ts";
import { Gate } from "../http/gate.ts";
import { resolveServeOptions } from "../options.ts";
import { fetchFace } from "./fetch.ts";

const headers = { accept: "application/json, text/event-stream", "content-type": "application/json" };
const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });

type Bench = {
  registry: ConnectionRegistry;
  face: ReturnType<typeof fetchFace>;
  counts: () => { open: number };
};

function open(
  legacy: (inbound: Inbound) => Promise<Reply>,
  stateless?: () => Promise<Response>,
  maxConnections = 10,
): Bench {
  const registry = new ConnectionRegistry(maxConnections);
  const servers = { sessions: { handle: legacy }, stateless: { handle: stateless ?? (async () => Response.json(1)) } };
  const face = fetchFace(
    new Gate(resolveServeOptions({ limits: { maxBodyBytes: 1_000 } }), servers, registry),
    registry,
  );
  const view = registry.view(() => ({ streams: 0, warm: 0 }));
  return { registry, face, counts: () => ({ open: view.open }) };
}

function streaming(): { legacy: () => Promise<Reply>; sink: () => StreamSink; stops: () => number } {
  let sink: StreamSink | undefined;
  let stops = 0;
  return {
    legacy: async () => ({
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
    }),
    sink: () => {
      if (sink === undefined) throw new Error("the stream has not started");
      return sink;
    },
    stops: () => stops,
  };
}

const post = (body: string | ReadableStream = ping): Request =>
  new Request("http://localhost/mcp", {
    method: "POST",
    headers,
    body,
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
  });

describe("the fetch face", () => {
  it("streams what is written, tells how much waits, and ends once", async () => {
    const stream = streaming();
    const { face, counts } = open(stream.legacy);
    const response = await face(post());
    expect(counts().open).toBe(1);
    const sink = stream.sink();
    expect(sink.write("data: ü\n\n")).toBe(true);
    expect(sink.buffered).toBe(10);
    expect(sink.write("x".repeat(100_000))).toBe(false);
    sink.end();
    sink.end();
    expect(sink.write("late")).toBe(false);
    expect((await response.text()).startsWith("data: ü\n\nxxx")).toBe(true);
    expect([stream.stops(), counts().open]).toEqual([1, 0]);
  });

  it("stops a stream whose reader leaves", async () => {
    const stream = streaming();
    const { face, counts } = open(stream.legacy);
    const response = await face(post());
    await response.body?.cancel();
    expect([stream.stops(), counts().open]).toEqual([1, 0]);
    expect(stream.sink().write("late")).toBe(false);
  });

  it("stops a stream that ended while it was starting", async () => {
    let stops = 0;
    const { face, counts } = open(async () => ({
      status: 200,
      headers: {},
      body: {
        start: (sink) => {
          sink.write("all");
          sink.end();
          return () => {
            stops += 1;
          };
        },
      },
    }));
    expect(await (await face(post())).text()).toBe("all");
    expect([stops, counts().open]).toEqual([1, 0]);
  });

  it("passes on streams of the stateless era and notes their end", async () => {
    const modern = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "x",
      params: { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
    });
    let cancelled = false;
    const source = (): ReadableStream =>
      new ReadableStream({
        start: (controller) => controller.enqueue(Buffer.from("data: 1\n\n")),
        cancel: () => {
          cancelled = true;
        },
      });
    const { face, counts, registry } = open(
      () => Promise.reject(new Error("not for sessions")),
      async () => new Response(source(), { headers: { "content-type": "text/event-stream" } }),
    );
    const response = await face(post(modern));
    expect(counts().open).toBe(1);
    await response.body?.cancel();
    expect([cancelled, registry.busy, counts().open]).toEqual([true, false, 0]);
  });

  it("does not count a stream of the stateless era for ever after it has failed", async () => {
    const modern = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "x",
      params: { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } },
    });
    const failing = new ReadableStream({ pull: () => Promise.reject(new Error("broken off")) }, { highWaterMark: 0 });
    const { face, counts, registry } = open(
      () => Promise.reject(new Error("not for sessions")),
      async () => new Response(failing, { headers: { "content-type": "text/event-stream" } }),
    );
    const response = await face(post(modern));
    await expect(response.text()).rejects.toThrow("broken off");
    expect([registry.busy, counts().open]).toEqual([false, 0]);
  });

  it("breaks off streams of the stateless era whose readers are more than 16 MiB behind, and gives readers all", async () => {
    const modern = ping.replace("}", ',"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}');
    const post = { method: "POST", headers, body: modern };
    let over = false;
    const source = (parts: number): Response => {
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (sent++ < parts) controller.enqueue(new Uint8Array(1024 * 1024));
          else controller.close();
        },
        cancel: () => {
          over = true;
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    };
    let parts = 32;
    const bench = open(
      async () => ({ status: 200, headers: {} }),
      async () => source(parts),
    );
    const stalled = await bench.face(new Request("http://localhost/mcp", post));
    await expect.poll(() => over, { timeout: 30_000 }).toBe(true);
    await expect(stalled.text()).rejects.toThrow("too far behind");
    expect(bench.counts()).toEqual({ open: 0 });
    parts = 12;
    const read = await bench.face(new Request("http://localhost/mcp", post));
    expect(await read.text()).toHaveLength(12 * 1024 * 1024);
    expect(bench.counts()).toEqual({ open: 0 });
  });

  it("refuses bodies that turn out too large, and ones that break off", async () => {
    const { face, registry } = open(() => Promise.reject(new Error("not for sessions")));
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.alloc(400)) });
    expect((await face(post(endless))).status).toBe(413);
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
    expect((await face(post(broken))).status).toBe(400);
    expect(registry.busy).toBe(false);
  });

  it.each([[0xff], [0xed, 0xa0, 0x80], [0xc3]])("refuses bytes that are no UTF-8: %s", async (...bytes) => {
    const { face } = open(async () => ({ status: 200, headers: {}, body: "ok" }));
    const body = new Blob(['{"method":"', Uint8Array.from(bytes), '"}']);
    const cut = new Blob(['{"method":"x"}', Uint8Array.from(bytes)]);
    for (const each of [body, cut]) {
      const response = await face(new Request("http://localhost/mcp", { method: "POST", headers, body: each }));
      expect([response.status, await response.json()]).toMatchObject([400, { error: { code: -32700 } }]);
    }
  });

  it("takes a parsed body and a principal from whoever has found them out", async () => {
    const seen: unknown[] = [];
    const { face } = open(async ({ body, principal }) => {
      seen.push(body, principal.subject);
      return { status: 202, headers: {} };
    });
    const principal = { issuer: "i", subject: "s", scopes: [] };
    const response = await face(new Request("http://localhost/", { method: "POST", headers }), {
      principal,
      parsedBody: { a: 1 },
    });
    expect([response.status, await response.text(), response.body]).toEqual([202, "", null]);
    expect(seen).toEqual([{ a: 1 }, "s"]);
  });

  it("refuses one connection too many", async () => {
    const stream = streaming();
    const { face, counts } = open(stream.legacy, undefined, 1);
    const first = await face(post());
    const second = await face(post());
    expect([second.status, second.headers.get("retry-after")]).toEqual([503, "1"]);
    await first.body?.cancel();
    expect(counts().open).toBe(0);
  });
});

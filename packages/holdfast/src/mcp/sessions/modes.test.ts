import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import {
  call,
  eventually,
  initializeRequest,
  type Node,
  open,
  openHold,
  parseEvents,
  registerTools,
  startNode,
  stream,
  toolCall,
} from "./bridge.test-kit.ts";

let hold: Awaited<ReturnType<typeof openHold>>;
let node: Node | undefined;

beforeEach(async () => {
  hold = await openHold();
});

afterEach(async () => {
  await node?.close();
  if (node !== undefined) expect(node.instances.closed).toBe(node.instances.made);
  node = undefined;
  await hold.closeAll();
});

describe("response: json", () => {
  test("never streams: messages of a call are dropped, questions go to the GET stream", async () => {
    node = await startNode({ hold, options: { response: "json" } });
    const headers = await open(node);
    const steps = await call(node, "POST", toolCall(1, "steps", { n: 3 }), { headers });
    expect(steps.json()).toMatchObject({ result: { content: [{ text: "done 3" }] } });
    const get = await stream(node, "GET", undefined, headers);
    await get.until(1);
    const asking = call(node, "POST", toolCall(2, "ask", { question: "who" }), { headers });
    const events = await get.until(2);
    const { id } = JSON.parse(events[1]?.data ?? "");
    await call(node, "POST", { jsonrpc: "2.0", id, result: { action: "decline" } }, { headers });
    expect((await asking).text).toContain("decline");
    get.drop();
  });
});

describe("response: sse", () => {
  test("streams every answer, initialize too, and a quick call costs one log write", async () => {
    node = await startNode({ hold, options: { response: "sse" } });
    const initialized = await call(node, "POST", initializeRequest());
    expect(initialized.header("content-type")).toBe("text/event-stream");
    expect(parseEvents(initialized.text).at(-1)?.data).toContain("protocolVersion");
    const headers = { "mcp-session-id": initialized.header("mcp-session-id") ?? "" };
    const echo = parseEvents((await call(node, "POST", toolCall(1, "echo", { text: "x" }), { headers })).text);
    expect(echo.map(({ data }) => data === "")).toEqual([true, false]);
    const slow = parseEvents((await call(node, "POST", toolCall(1, "steps", { n: 0 }), { headers })).text);
    expect(slow.at(-1)?.data).toContain("done 0");
  });
});

describe("stateless", () => {
  test("serves without sessions, streams without ids, stores nothing, and has no GET or DELETE", async () => {
    node = await startNode({ hold, options: { stateless: true } });
    const initialized = await call(node, "POST", initializeRequest());
    expect(initialized.header("mcp-session-id")).toBeUndefined();
    expect(initialized.json()).toMatchObject({ result: { protocolVersion: "2025-11-25" } });
    expect((await call(node, "POST", { jsonrpc: "2.0", method: "notifications/initialized" })).status).toBe(202);
    expect((await call(node, "POST", toolCall(1, "echo", { text: "x" }))).json()).toMatchObject({
      result: { content: [{ text: "x" }] },
    });
    const events = parseEvents((await call(node, "POST", toolCall(1, "steps", { n: 2 }))).text);
    expect(events.map(({ id }) => id)).toEqual([undefined, undefined, undefined]);
    const asked = await call(node, "POST", toolCall(1, "ask", { question: "?" }));
    expect(asked.json()).toMatchObject({ result: { isError: true } });
    for (const method of ["GET", "DELETE"]) {
      const answer = await call(node, method);
      expect([answer.status, answer.header("allow")]).toEqual([405, "POST"]);
    }
    expect((await hold.store.admin.stats()).records).toBe(0);
    await eventually(() => node?.instances.closed === node?.instances.made);
  });

  test("two callers never meet in one instance", async () => {
    const made: unknown[] = [];
    node = await startNode({
      hold,
      options: { stateless: true },
      build: (server, context) => {
        made.push(context.connection);
        registerTools(server, context);
      },
    });
    await Promise.all([
      call(node, "POST", toolCall(1, "echo", { text: "x" })),
      call(node, "POST", toolCall(1, "echo", { text: "y" })),
    ]);
    expect(new Set(made).size).toBe(2);
  });
});

describe("warm instances", () => {
  test("stay few: the idle go, those in use stay, and whoever comes back goes on", async () => {
    let letGo = (): void => {};
    const released = new Promise<void>((resolve) => (letGo = resolve));
    const build: NonNullable<Parameters<typeof startNode>[0]["build"]> = (server, context) => {
      registerTools(server, context);
      server.registerTool("work", {}, async () => {
        await released;
        return { content: [{ type: "text", text: "worked" }] };
      });
    };
    node = await startNode({ hold, build, options: { maxWarmInstances: 3 } });
    const all: Record<string, string>[] = [];
    for (let i = 0; i < 10; i += 1) all.push(await open(node));
    expect(node.endpoint.stats.warm).toBe(3);
    const busy = all.map((headers, i) => call(node as Node, "POST", toolCall(i, "work"), { headers }));
    await eventually(() => node?.endpoint.stats.callsInFlight === 10);
    expect(node.endpoint.stats.warm).toBe(10);
    letGo();
    for (const answer of await Promise.all(busy)) expect(answer.text).toContain("worked");
    await eventually(() => node?.endpoint.stats.warm === 3);
    for (const headers of all)
      expect((await call(node, "POST", toolCall(1, "count"), { headers })).json()).toMatchObject({
        result: { content: [{ text: "1" }] },
      });
    expect(node.errors).toEqual([]);
  });

  test("give way where memory is short, the ones used longest ago first; whoever is at work stays, and all go on", async () => {
    node = await startNode({ hold });
    const all: Record<string, string>[] = [];
    for (let i = 0; i < 9; i += 1) all.push(await open(node));
    const [first, second, ...others] = all;
    const listening = await stream(node, "GET", undefined, first ?? {});
    await call(node, "POST", toolCall(1, "count"), { headers: second ?? {} });
    expect(node.endpoint.stats).toMatchObject({ warm: 9, inUse: 1 });
    expect(node.endpoint.shedIdle(7)).toBe(7);
    const { made } = node.instances;
    await call(node, "POST", toolCall(1, "count"), { headers: second ?? {} });
    expect(node.instances.made).toBe(made);
    expect(node.endpoint.shedIdle(100)).toBe(1);
    expect(node.endpoint.stats).toMatchObject({ warm: 1, inUse: 1 });
    for (const headers of others)
      expect((await call(node, "POST", toolCall(1, "count"), { headers })).status).toBe(200);
    listening.drop();
  });

  test("are made once however many requests of a cold session come at once", async () => {
    const first = await startNode({ hold });
    const headers = await open(first);
    await first.close();
    node = await startNode({ hold });
    const here = node;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => call(here, "POST", toolCall(i, "count"), { headers })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(node.instances.made).toBe(1);
  });

  test("know the client, the log level and the version again after a restart", async () => {
    const build: NonNullable<Parameters<typeof startNode>[0]["build"]> = (server, context) => {
      registerTools(server, context);
      server.registerTool("who", {}, (ctx) => ({
        content: [
          {
            type: "text",
            text: JSON.stringify([
              server.server.getClientVersion(),
              server.server.getClientCapabilities(),
              ctx.sessionId,
              ctx.http?.req?.headers.get("x-seen"),
            ]),
          },
        ],
      }));
      server.registerTool(
        "log",
        { inputSchema: z.object({ level: z.enum(["debug", "error"]) }) },
        async ({ level }, ctx) => {
          await ctx.mcpReq.log(level, "said");
          return { content: [] };
        },
      );
    };
    const first = await startNode({ hold, build });
    const headers = await open(first);
    const who = (await call(first, "POST", toolCall(1, "who"), { headers })).json();
    expect(JSON.stringify(who)).toContain("raw");
    expect(JSON.stringify(who)).not.toContain((headers["mcp-session-id"] ?? "").split(".")[1]);
    const level = { jsonrpc: "2.0", id: 2, method: "logging/setLevel", params: { level: "warning" } };
    expect((await call(first, "POST", level, { headers })).json()).toMatchObject({ result: {} });
    node = await startNode({ hold, build });
    for (const one of [first, node]) {
      expect((await call(one, "POST", toolCall(1, "who"), { headers })).json()).toEqual(who);
      expect((await call(one, "POST", toolCall(3, "log", { level: "debug" }), { headers })).text).not.toContain("said");
      expect((await call(one, "POST", toolCall(4, "log", { level: "error" }), { headers })).text).toContain("said");
    }
    // A level set at one node reaches the warm instance of the other.
    const lower = { ...level, params: { level: "debug" } };
    await call(node, "POST", lower, { headers });
    await eventually(
      async () =>
        (await call(first, "POST", toolCall(5, "log", { level: "debug" }), { headers })).text.includes("said"),
      1_500,
    );
    await first.close();
  });
});

describe("sockets", () => {
  test("quiet streams are kept open, and end when they are old", async () => {
    node = await startNode({ hold, options: { keepAliveMs: 20, maxStreamAgeMs: 150 } });
    const headers = await open(node);
    const answer = await call(node, "GET", undefined, { headers });
    expect(answer.text.match(/: keepalive/g)?.length).toBeGreaterThan(0);
    expect(node.endpoint.stats.streams).toBe(0);
  });

  describe("a reader that does not read", () => {
    const big = "x".repeat(64 * 1024);
    const kibi = 1024;

    /** A call that says far more than sockets hold, to a reader that takes its head and no more. */
    async function floodOneWhoDoesNotRead(options: NonNullable<Parameters<typeof startNode>[0]["options"]>) {
      const here = await startNode({
        hold,
        options: { maxLogEvents: 10_000, maxLogBytes: kibi ** 3, ...options },
        build: (server) => {
          server.registerTool("flood", { inputSchema: z.object({ n: z.number() }) }, async ({ n }, ctx) => {
            for (let i = 0; i < n; i += 1) {
              await ctx.mcpReq.notify({
                method: "notifications/message",
                params: { level: "info", data: `${i} ${big}` },
              });
            }
            return { content: [{ type: "text", text: "flooded" }] };
          });
        },
      });
      node = here;
      const headers = options.stateless === true ? {} : await open(here);
      const body = JSON.stringify(toolCall(1, "flood", { n: 200 }));
      const lines = [
        "POST /mcp HTTP/1.1",
        "host: x",
        "accept: application/json, text/event-stream",
        "content-type: application/json",
      ];
      const named = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      const socket = connect(Number(here.url.port), "127.0.0.1");
      socket.on("error", () => undefined);
      const head = await new Promise<string>((resolve) => {
        socket.once("data", (chunk: Buffer) => {
          socket.pause();
          resolve(chunk.toString());
        });
        socket.write(`${[...lines, ...named, `content-length: ${body.length}`].join("\r\n")}\r\n\r\n${body}`);
      });
      return { here, headers, socket, head };
    }

    const numbers = [...Array.from({ length: 200 }, (_, i) => String(i)), "end"];
    const numbersIn = (events: ReturnType<typeof parseEvents>): string[] =>
      events.filter(({ data }) => data !== "").map(({ data }) => JSON.parse(data).params?.data.split(" ")[0] ?? "end");

    test("does not keep the call waiting, is cut off, and misses nothing when it comes back", async () => {
      const { here, headers, socket, head } = await floodOneWhoDoesNotRead({ keepAliveMs: 100 });
      await eventually(() => here.endpoint.stats.callsInFlight === 0, 10_000);
      expect(here.endpoint.stats.streams).toBe(1);
      await eventually(() => here.endpoint.stats.streams === 0, 10_000);
      socket.destroy();
      const after = /id: (\S+)/.exec(head)?.[1] ?? "";
      const rest = await call(here, "GET", undefined, { headers: { ...headers, "last-event-id": after } });
      expect(numbersIn(parseEvents(rest.text))).toEqual(numbers);
    });

    test("and then reads on goes on where it was, at its own pace", async () => {
      const { here, socket, head } = await floodOneWhoDoesNotRead({});
      await eventually(() => here.endpoint.stats.callsInFlight === 0, 10_000);
      let text = head;
      socket.on("data", (chunk: Buffer) => (text += chunk.toString())).resume();
      await eventually(() => text.includes("flooded"), 10_000);
      expect(here.endpoint.stats.streams).toBe(0);
      socket.destroy();
      const events = [...text.matchAll(/"data":"(\d+) x/g)].map(([, number]) => number);
      expect(events).toEqual(numbers.slice(0, -1));
    });

    test("keeps its connection where one message alone is larger than may wait, as long as it reads", async () => {
      const here = await startNode({
        hold,
        build: (server) => {
          server.registerTool("say", {}, async (ctx) => {
            for (const letter of ["a", "b", "c"]) {
              const params = { level: "info", data: letter.repeat(16 * kibi ** 2) } as const;
              await ctx.mcpReq.notify({ method: "notifications/message", params });
            }
            return { content: [{ type: "text", text: "said" }] };
          });
        },
      });
      node = here;
      const headers = await open(here);
      const events = parseEvents((await call(here, "POST", toolCall(1, "say"), { headers })).text);
      expect(numbersIn(events).map((text) => text[0])).toEqual(["a", "b", "c", "e"]);
    });

    test("of a call without a session is cut off, since nothing keeps what it has not read", async () => {
      const { here, socket } = await floodOneWhoDoesNotRead({ stateless: true, maxStreamBufferBytes: 256 * kibi });
      const closed = new Promise((resolve) => socket.once("close", resolve));
      await eventually(() => here.endpoint.stats.streams === 0);
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString())).resume();
      await closed;
      expect(text).not.toContain("flooded");
    });
  });
});

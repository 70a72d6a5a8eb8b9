import type { McpServer } from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import {
  call,
  eventually,
  type Node,
  type OpenStream,
  open,
  openHold,
  parseEvents,
  registerTools,
  startNode,
  stream,
  toolCall,
} from "./bridge.test-kit.ts";

let hold: Awaited<ReturnType<typeof openHold>>;
let a: Node;
let b: Node;
const aborted: string[] = [];
const progress: unknown[] = [];

beforeEach(async () => {
  aborted.length = 0;
  progress.length = 0;
  hold = await openHold();
  const build: NonNullable<Parameters<typeof startNode>[0]["build"]> = (server, context) => {
    registerTools(server, context);
    server.registerTool("slow", { inputSchema: z.object({ name: z.string() }) }, async ({ name }, ctx) => {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 5_000);
        ctx.mcpReq.signal.addEventListener("abort", () => {
          clearTimeout(timer);
          aborted.push(name);
          resolve();
        });
      });
      return { content: [] };
    });
    server.registerTool("ask-with-progress", {}, async (ctx) => {
      const answer = await ctx.mcpReq.send(
        { method: "elicitation/create", params: { message: "?", requestedSchema: { type: "object", properties: {} } } },
        { onprogress: (report) => void progress.push(report) },
      );
      return { content: [{ type: "text", text: JSON.stringify(answer) }] };
    });
    server.registerTool("ask-briefly", {}, async (ctx) => {
      const options = { timeout: 100 };
      const params = { message: "?", requestedSchema: { type: "object" as const, properties: {} } };
      const text = await ctx.mcpReq.elicitInput(params, options).then(
        () => "answered",
        (error: unknown) => String(error),
      );
      return { content: [{ type: "text", text }] };
    });
  };
  a = await startNode({ hold, build });
  b = await startNode({ hold, build });
});

afterEach(async () => {
  await Promise.all([a.close(), b.close()]);
  for (const node of [a, b]) {
    expect(node.endpoint.stats).toMatchObject({ warm: 0, streams: 0, callsInFlight: 0 });
    expect(node.instances.closed).toBe(node.instances.made);
    expect(node.errors).toEqual([]);
  }
  await hold.closeAll();
});

type Asked = {
  readonly id: string;
  readonly method: string;
  readonly params: { readonly message: string; readonly _meta?: { progressToken: string } };
};

async function asked(from: OpenStream): Promise<Asked> {
  const find = () => from.events.find(({ data }) => data.includes("elicitation/create"));
  await eventually(() => find() !== undefined);
  return JSON.parse(find()?.data ?? "");
}

const accept = (id: string, name: string) => ({ jsonrpc: "2.0", id, result: { action: "accept", content: { name } } });

describe("what a server asks its client", () => {
  test("goes out on the POST that asks, though others are in flight, and the answer comes back to it", async () => {
    const headers = await open(a);
    const streams = await Promise.all(
      ["one", "two", "three"].map((question, i) => stream(a, "POST", toolCall(i, "ask", { question }), headers)),
    );
    const questions = await Promise.all(streams.map(asked));
    expect(questions.map(({ params }) => params.message)).toEqual(["one", "two", "three"]);
    expect(new Set(questions.map(({ id }) => id)).size).toBe(3);
    for (const [i, { id }] of [...questions.entries()].reverse()) {
      expect((await call(a, "POST", accept(id, `n${i}`), { headers })).status).toBe(202);
    }
    await Promise.all(streams.map(({ ended }) => ended));
    for (const [i, { events }] of streams.entries()) expect(events.at(-1)?.data).toContain(`n${i}`);
  });

  test("is answered by way of another node, which never made an instance for it", async () => {
    const headers = await open(a);
    const asking = await stream(a, "POST", toolCall(1, "ask", { question: "who" }), headers);
    const { id } = await asked(asking);
    expect((await call(b, "POST", accept(id, "Grace"), { headers })).status).toBe(202);
    await asking.ended;
    expect(asking.events.at(-1)?.data).toContain("Grace");
    expect(b.instances.made).toBe(0);
  });

  test("ids and progress tokens are unique across nodes, and restored on the way in", async () => {
    const headers = await open(a);
    const [here, there] = [
      await stream(a, "POST", toolCall(1, "ask-with-progress"), headers),
      await stream(b, "POST", toolCall(2, "ask-with-progress"), headers),
    ];
    const [first, second] = [await asked(here), await asked(there)];
    expect(first.id).not.toBe(second.id);
    expect(first.params._meta?.progressToken).toBe(first.id);
    const report = (token: string, value: number) => ({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: token, progress: value },
    });
    // Each by way of the other node.
    await call(b, "POST", report(first.id, 1), { headers });
    await call(a, "POST", report(second.id, 2), { headers });
    await eventually(() => progress.length === 2);
    await call(b, "POST", accept(first.id, "x"), { headers });
    await call(a, "POST", accept(second.id, "y"), { headers });
    await Promise.all([here.ended, there.ended]);
    expect(here.events.at(-1)?.data).toContain("x");
    expect(there.events.at(-1)?.data).toContain("y");
    expect(progress).toContainEqual({ progress: 1 });
    expect(progress).toContainEqual({ progress: 2 });
  });

  test("a cancelled question is cancelled under the id the client knows, on the same stream", async () => {
    const headers = await open(a);
    const answer = parseEvents((await call(a, "POST", toolCall(1, "ask-briefly"), { headers })).text).flatMap(
      ({ data }) => (data === "" ? [] : [JSON.parse(data)]),
    );
    expect(answer.map(({ method }) => method)).toEqual(["elicitation/create", "notifications/cancelled", undefined]);
    expect(answer[1].params.requestId).toBe(answer[0].id);
  });

  test("answers to nothing, twice, or of a stranger change nothing", async () => {
    const headers = await open(a);
    const asking = await stream(a, "POST", toolCall(1, "ask", { question: "who" }), headers);
    const { id } = await asked(asking);
    const stranger = await open(a, { headers: { "x-user": "mallory" } });
    expect((await call(a, "POST", accept(id, "Mallory"), { headers: stranger })).status).toBe(202);
    expect((await call(b, "POST", accept(id, "Mallory"), { headers: stranger })).status).toBe(202);
    for (const odd of [0, -1, "", "0", "hf", "__proto__", "hf-AAAAAAAAAAAA-1"]) {
      const answer = { jsonrpc: "2.0", id: odd, result: { action: "accept", content: { name: "Odd" } } };
      expect((await call(a, "POST", answer, { headers })).status).toBe(202);
    }
    expect(asking.events.at(-1)?.data).toContain("elicitation/create");
    await Promise.all([
      call(a, "POST", accept(id, "Ada"), { headers }),
      call(b, "POST", accept(id, "Eve"), { headers }),
    ]);
    await asking.ended;
    expect(asking.events.filter(({ data }) => data.includes("result"))).toHaveLength(1);
  });

  test("fails at once when the session ends", async () => {
    const headers = await open(a);
    const asking = await stream(a, "POST", toolCall(1, "ask", { question: "who" }), headers);
    await asked(asking);
    expect((await call(a, "DELETE", undefined, { headers })).status).toBe(200);
    await asking.ended;
    expect(asking.events.at(-1)?.data).toContain("The session has ended");
    expect(asking.events.at(-1)?.id).toBeUndefined();
  });
});

describe("servers that do odd things", () => {
  test("what a handler asks through the server of another session goes to that session, never to its own caller", async () => {
    const servers: McpServer[] = [];
    const node = await startNode({
      hold,
      build: (server, context) => {
        registerTools(server, context);
        servers.push(server);
        server.registerTool("ask-everybody", {}, async () => {
          const params = { message: "psst", requestedSchema: { type: "object" as const, properties: {} } };
          const asking = servers.map((one) => one.server.elicitInput(params, { timeout: 300 }).catch(() => "nobody"));
          await Promise.all(asking);
          return { content: [] };
        });
      },
    });
    const [alice, bob] = [
      await open(node, { headers: { "x-user": "alice" } }),
      await open(node, { headers: { "x-user": "bob" } }),
    ];
    const listening = await stream(node, "GET", undefined, bob);
    await listening.until(1);
    const answer = await call(node, "POST", toolCall(1, "ask-everybody"), { headers: alice });
    expect(answer.text.match(/elicitation\/create/g)).toHaveLength(1);
    expect((await asked(listening)).params.message).toBe("psst");
    listening.drop();
    await node.close();
  });

  test("one that closes itself answers its call, and the session goes on with another", async () => {
    const node = await startNode({
      hold,
      build: (server, context) => {
        registerTools(server, context);
        server.registerTool("close", {}, async () => {
          await server.close();
          return { content: [] };
        });
      },
    });
    const headers = await open(node);
    expect((await call(node, "POST", toolCall(1, "close"), { headers })).json()).toMatchObject({
      id: 1,
      error: { code: -32603 },
    });
    expect((await call(node, "POST", toolCall(2, "count"), { headers })).json()).toMatchObject({ id: 2, result: {} });
    expect(node.instances.made).toBe(2);
    await node.close();
    expect(node.instances.closed).toBe(2);
  });

  test("one that notifies without waiting, thousands of times, keeps the process and the order", async () => {
    const node = await startNode({
      hold,
      options: { maxLogEvents: 10_000 },
      build: (server) => {
        server.registerTool("chatter", {}, async (ctx) => {
          for (let i = 0; i < 3_000; i += 1) {
            void ctx.mcpReq.notify({ method: "notifications/message", params: { level: "info", data: i } });
          }
          return { content: [{ type: "text", text: "said" }] };
        });
      },
    });
    const headers = await open(node);
    const events = parseEvents((await call(node, "POST", toolCall(1, "chatter"), { headers })).text);
    const said = events.slice(1, -1).map(({ data }) => JSON.parse(data).params.data);
    expect(said).toEqual(said.toSorted((x: number, y: number) => x - y));
    expect(events.at(-1)?.data).toContain("said");
    expect(said.length).toBeGreaterThan(1_000);
    await node.close();
  });
});

describe("cancelling a call", () => {
  test("aborts it and releases its POST", async () => {
    const headers = await open(a);
    const running = call(a, "POST", toolCall(7, "slow", { name: "x" }), { headers });
    await eventually(() => a.endpoint.stats.callsInFlight === 1);
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } };
    expect((await call(a, "POST", cancel, { headers })).status).toBe(202);
    expect((await running).status).toBe(202);
    expect(aborted).toEqual(["x"]);
  });

  test("reaches the node that runs it", async () => {
    const headers = await open(a);
    const running = call(a, "POST", toolCall(7, "slow", { name: "x" }), { headers });
    await eventually(() => a.endpoint.stats.callsInFlight === 1);
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } };
    await call(b, "POST", cancel, { headers });
    expect((await running).status).toBe(202);
    expect(aborted).toEqual(["x"]);
  });

  test("that was answered already, or of what is no request, is not stored for other nodes", async () => {
    const headers = await open(a);
    await call(a, "POST", toolCall(7, "echo", { text: "x" }), { headers });
    const events = async () => (await hold.store.admin.stats()).events;
    const before = await events();
    const cancel = (params: object) =>
      call(a, "POST", { jsonrpc: "2.0", method: "notifications/cancelled", params }, { headers });
    for (const params of [{ requestId: 7 }, { requestId: { a: 1 } }, {}]) {
      expect((await cancel(params)).status).toBe(202);
    }
    expect(await events()).toBe(before);
    // What this node never heard of may run elsewhere; however long the reason is, little of it goes there.
    const bytes = (await hold.store.admin.stats()).bytes;
    expect((await cancel({ requestId: 8, reason: "r".repeat(100_000) })).status).toBe(202);
    expect(await events()).toBe(before + 1);
    expect((await hold.store.admin.stats()).bytes - bytes).toBeLessThan(1_000);
  });

  test("a dropped connection is no cancellation", async () => {
    const headers = await open(a);
    const abort = new AbortController();
    const running = call(a, "POST", toolCall(1, "steps", { n: 1, waitMs: 200 }), {
      headers,
      signal: abort.signal,
    }).catch(() => "dropped");
    await eventually(() => a.endpoint.stats.callsInFlight === 1);
    abort.abort();
    expect(await running).toBe("dropped");
    await eventually(() => a.endpoint.stats.callsInFlight === 0);
    expect(aborted).toEqual([]);
  });
});

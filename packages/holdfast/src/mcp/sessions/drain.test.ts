/** A node that is told to stop hands over: nobody waits for it, and nothing its clients were promised is lost. */
import { acceptedContent, inputRequired } from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import {
  call,
  eventually,
  type Node,
  open,
  openHold,
  registerTools,
  startNode,
  stream,
  type TestHold,
  toolCall,
} from "./bridge.test-kit.ts";

const Sure = z.object({ sure: z.boolean() });

describe.each(backings)("a drain, on %s", (_name, openBacking) => {
  let backing: Backing;
  const holds: TestHold[] = [];
  const nodes: Node[] = [];
  let finish: () => void;
  let finished: Promise<void>;

  async function start(): Promise<Node> {
    const hold = await openHold(await backing.open());
    const node = await startNode({
      hold,
      options: { pollMs: 200 },
      build: (server, context) => {
        registerTools(server, context);
        server.registerTool("long", {}, async (ctx) => {
          await ctx.mcpReq.notify({ method: "notifications/message", params: { level: "info", data: "begun" } });
          await finished;
          return { content: [{ type: "text", text: "long done" }] };
        });
        server.registerTool("confirm", {}, async (ctx) => {
          const sure = acceptedContent(ctx.mcpReq.inputResponses, "ok", Sure)?.sure;
          if (sure !== undefined) return { content: [{ type: "text", text: `sure: ${sure}` }] };
          const ok = inputRequired.elicit({ message: "sure?", requestedSchema: Sure });
          return inputRequired({ inputRequests: { ok } });
        });
      },
    });
    holds.push(hold);
    nodes.push(node);
    return node;
  }

  beforeEach(async () => {
    finished = new Promise((resolve) => {
      finish = resolve;
    });
    backing = await openBacking();
  });

  afterEach(async () => {
    finish();
    for (const node of nodes.splice(0)) {
      await node.close();
      expect(node.errors).toEqual([]);
    }
    for (const hold of holds.splice(0)) await hold.closeAll();
    await backing[Symbol.asyncDispose]();
  });

  test("waits for calls that run here, and for no stream that another node can serve", async () => {
    const [old, next] = [await start(), await start()];
    const headers = await open(old);
    const listening = await stream(old, "GET", undefined, headers);
    const asking = await stream(old, "POST", toolCall(1, "confirm"), headers);
    const running = await stream(old, "POST", toolCall(2, "long"), headers);
    const question = () => asking.events.find(({ data }) => data.includes("elicitation/create"));
    await eventually(() => question() !== undefined && running.events.length === 2, 15_000);

    let drained = false;
    const draining = old.endpoint.drain().then(() => {
      drained = true;
    });
    await Promise.all([listening.ended, asking.ended]);
    expect(drained).toBe(false);
    expect((await call(old, "POST", toolCall(3, "count"), { headers })).status).toBe(503);

    // The streams go on elsewhere, and so does what waited for its client.
    const listeningAgain = await stream(next, "GET", undefined, {
      ...headers,
      "last-event-id": listening.events.at(-1)?.id ?? "",
    });
    const askingAgain = await stream(next, "GET", undefined, {
      ...headers,
      "last-event-id": asking.events.at(-1)?.id ?? "",
    });
    const { id } = JSON.parse(question()?.data ?? "{}") as { id: string };
    // However it comes about that the answer still arrives at the old one: it is taken.
    const answer = { jsonrpc: "2.0", id, result: { action: "accept", content: { sure: true } } };
    expect((await call(old, "POST", answer, { headers })).status).toBe(202);
    await askingAgain.ended;
    expect(askingAgain.events.at(-1)?.data).toContain("sure: true");

    finish();
    await running.ended;
    expect(running.events.at(-1)?.data).toContain("long done");
    await draining;
    await call(next, "POST", toolCall(4, "announce"), { headers });
    await eventually(() => listeningAgain.events.some(({ data }) => data.includes("list_changed")), 15_000);
    listeningAgain.drop();
  });

  test("of all nodes, one after the other, is noticed by no call and loses nothing that was said", async () => {
    const headers = await (async () => open(await start()))();
    const [first] = nodes;
    if (first === undefined) throw new Error("no node");
    let current = first;
    let listening = await stream(current, "GET", undefined, headers);
    const heard: string[] = [];
    for (let round = 1; round <= 3; round += 1) {
      const before = current;
      await call(before, "POST", toolCall(`${round}a`, "announce"), { headers });
      current = await start();
      const counted = call(before, "POST", toolCall(round, "count"), { headers });
      await eventually(() => before.endpoint.stats.callsTotal > 0);
      await before.endpoint.drain();
      await listening.ended;
      heard.push(...listening.events.filter(({ data }) => data !== "").map(({ id }) => id ?? ""));
      expect([200, 503]).toContain((await counted).status);
      const place = listening.events.at(-1)?.id ?? heard.at(-1) ?? "";
      await call(current, "POST", toolCall(`${round}b`, "announce"), { headers });
      listening = await stream(current, "GET", undefined, { ...headers, "last-event-id": place });
    }
    await eventually(() => heard.length + listening.events.length >= 6, 15_000);
    heard.push(...listening.events.filter(({ data }) => data !== "").map(({ id }) => id ?? ""));
    expect(heard).toHaveLength(6);
    expect(new Set(heard).size).toBe(6);
    listening.drop();
  });
});

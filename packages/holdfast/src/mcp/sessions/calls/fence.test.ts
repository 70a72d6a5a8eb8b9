/** Who may write to the stream of a call, and who reads it: one node and one connection at a time. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../../../test/lib/backings.ts";
import {
  call,
  eventually,
  type Node,
  open,
  openHold,
  parseEvents,
  registerTools,
  startNode,
  stream,
  type TestHold,
  toolCall,
} from "../bridge.test-kit.ts";
import { type FailurePoint, failurePoints } from "../failure-points.ts";

describe.each(backings)("the stream of a call, on %s", (_name, openBacking) => {
  let backing: Backing;
  const holds: TestHold[] = [];
  const nodes: Node[] = [];
  let texts: string[];

  async function start(failurePoint?: (point: FailurePoint) => void | Promise<void>): Promise<Node> {
    const hold = await openHold(await backing.open());
    const node = await startNode({
      hold,
      options: { pollMs: 100, [failurePoints]: failurePoint },
      build: (server, context) => {
        registerTools(server, context);
        server.registerTool("repeat", { inputSchema: z.object({ times: z.number() }) }, async ({ times }, ctx) => {
          for (let time = 0; time < times; time += 1) {
            await eventually(() => texts.length > time, 15_000);
            const params = { level: "info", data: texts[time] } as const;
            await ctx.mcpReq.notify({ method: "notifications/message", params });
          }
          return { content: [{ type: "text", text: `${times} times` }] };
        });
      },
    });
    holds.push(hold);
    nodes.push(node);
    return node;
  }

  /** Time goes by in which the nodes say nothing. */
  async function fallSilent(): Promise<void> {
    const [hold] = holds;
    const { records } = (await hold?.store.admin.scan({ limit: 100, kind: "holdfast.node" })) ?? { records: [] };
    for (const { owner, kind, id } of records)
      await hold?.store.commit(owner, [{ kind, id, expect: "any", end: true }]);
    backing.clock.advance(11_000);
  }

  beforeEach(async () => {
    texts = [];
    backing = await openBacking();
  });

  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.close();
    for (const hold of holds.splice(0)) await hold.closeAll();
    await backing[Symbol.asyncDispose]();
  });

  test("takes nothing more from a node that was given up, however late it goes on", async () => {
    const [zombie, other] = [await start(), await start()];
    const headers = await open(zombie);
    const calling = await stream(zombie, "POST", toolCall(1, "steps", { n: 1 }), headers);
    await calling.ended;
    const talking = await stream(zombie, "POST", toolCall(2, "ask", { question: "still there?" }), headers);
    const [opening] = await talking.until(2);
    const place = { ...headers, "last-event-id": opening?.id ?? "" };
    await fallSilent();
    const resumed = await call(other, "GET", undefined, { headers: place });
    const answers = parseEvents(resumed.text);
    expect(JSON.parse(answers.at(-1)?.data ?? "")).toMatchObject({ id: 2, error: { code: -32603 } });

    // The paused process goes on: its handler gets its answer, and its result reaches nobody.
    const { id } = JSON.parse(answers[0]?.data ?? "") as { id: string };
    const body = { jsonrpc: "2.0", id, result: { action: "accept", content: { name: "x" } } };
    await call(zombie, "POST", body, { headers });
    await talking.ended;
    expect(talking.events.some(({ data }) => data.includes('"result"'))).toBe(false);
    await eventually(() => zombie.endpoint.stats.callsInFlight === 0);
    expect(parseEvents((await call(other, "GET", undefined, { headers: place })).text)).toEqual(answers);
    // Its other calls are its own to answer.
    expect((await call(zombie, "POST", toolCall(3, "count"), { headers })).status).toBe(200);
  });

  test("has one reader: who resumes it at another node takes it over, and the older connection gets nothing more", async () => {
    const [here, there] = [await start(), await start()];
    const headers = await open(here);
    texts = ["one"];
    const older = await stream(here, "POST", toolCall(1, "repeat", { times: 3 }), headers);
    const [opening] = await older.until(2);
    const newer = await stream(there, "GET", undefined, { ...headers, "last-event-id": opening?.id ?? "" });
    await newer.until(1);
    texts.push("two", "three");
    await older.ended;
    await newer.ended;
    expect(older.events.map(({ data }) => data).filter((data) => /two|three/.test(data))).toEqual([]);
    const messages = newer.events.map(({ data }) => JSON.parse(data));
    expect(messages.map(({ params, result }) => params?.data ?? result.content[0].text)).toEqual([
      "one",
      "two",
      "three",
      "3 times",
    ]);
    expect(here.errors).toEqual([]);
  });

  test("that its server closed is polled at another node", async () => {
    const [here, there] = [await start(), await start()];
    const headers = await open(here);
    const closed = await call(here, "POST", toolCall(1, "poll"), { headers });
    const [opening, ...rest] = parseEvents(closed.text);
    expect([opening?.data, opening?.retry, rest]).toEqual(["", "1000", []]);
    const polled = await call(there, "GET", undefined, { headers: { ...headers, "last-event-id": opening?.id ?? "" } });
    const [answer, ...more] = parseEvents(polled.text);
    expect(JSON.parse(answer?.data ?? "")).toMatchObject({ id: 1, result: { content: [{ text: "polled" }] } });
    expect(more).toEqual([]);
  });

  test("holds a result that was committed, though its node never sent it, and the call is not run again", async () => {
    let reached = (): void => undefined;
    const committed = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const never = new Promise<void>(() => undefined);
    const dying = await start((point) => {
      if (point !== "after-result") return undefined;
      reached();
      return never;
    });
    const other = await start();
    const headers = await open(dying);
    texts = ["once"];
    const calling = await stream(dying, "POST", toolCall(1, "repeat", { times: 1 }), headers);
    const [opening] = await calling.until(2);
    await committed;
    await fallSilent();
    const resumed = await call(other, "GET", undefined, {
      headers: { ...headers, "last-event-id": opening?.id ?? "" },
    });
    expect(parseEvents(resumed.text).map(({ data }) => JSON.parse(data))).toMatchObject([
      { params: { data: "once" } },
      { id: 1, result: { content: [{ text: "1 times" }] } },
    ]);
    calling.drop();
  });
});

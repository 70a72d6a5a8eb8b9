/** What becomes of calls and their session when a call takes longer than the session lives. */
import { setTimeout as delay } from "node:timers/promises";
import { acceptedContent, inputRequired, type McpServer } from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

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
import type { InstanceContext } from "./endpoint.ts";

const idleMs = 600;
const Answered = z.object({ name: z.string() });

let hold: TestHold;
let nodes: Node[];
let aborted: string[];

beforeEach(() => {
  nodes = [];
  aborted = [];
});

afterEach(async () => {
  for (const node of nodes) await node.close();
  await hold.closeAll();
});

async function start(options: Parameters<typeof startNode>[0]["options"] = {}): Promise<Node> {
  const node = await startNode({ hold, build, options });
  nodes.push(node);
  return node;
}

function build(server: McpServer, context: InstanceContext): void {
  registerTools(server, context);
  server.registerTool("hang", {}, async ({ mcpReq: { signal } }) => {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    aborted.push(String(signal.reason));
    return { content: [] };
  });
  server.registerTool("confirm", {}, ({ mcpReq }) => {
    const given = acceptedContent(mcpReq.inputResponses, "name", Answered);
    if (given !== undefined) return { content: [{ type: "text", text: `thanks, ${given.name}` }] };
    return inputRequired({
      inputRequests: { name: inputRequired.elicit({ message: "who?", requestedSchema: Answered }) },
    });
  });
}

describe("a session that may be idle for less than its call takes", () => {
  beforeEach(async () => {
    hold = await openHold(undefined, { sessions: { idle: idleMs } });
  });

  test("lives on while the call runs", async () => {
    const node = await start({ trustMs: 0 });
    const headers = await open(node);
    const talking = await stream(node, "POST", toolCall(1, "steps", { n: 15, waitMs: 100 }), headers);
    await talking.ended;
    // What is not logged has no id, and could not be resumed.
    expect(talking.events.every(({ id }) => id !== undefined)).toBe(true);
    expect(talking.events.at(-1)?.data).toContain("done 15");
    const next = await call(node, "POST", toolCall(2, "count"), { headers });
    expect(next.json()).toMatchObject({ result: { content: [{ text: "1" }] } });
  });

  test("lives on while a call waits for its client, whose stream is read at another node", async () => {
    const [node, other] = [await start({ trustMs: 0 }), await start({ trustMs: 0 })];
    const headers = await open(node);
    const asking = await stream(node, "POST", toolCall(1, "confirm"), headers);
    const events = await asking.until(2);
    const { id } = JSON.parse(events.at(-1)?.data ?? "");
    const resumed = await stream(other, "GET", undefined, { ...headers, "last-event-id": events.at(-1)?.id ?? "" });
    // Longer than it would live without.
    await delay(2 * idleMs);
    const answer = { jsonrpc: "2.0", id, result: { action: "accept", content: { name: "Ada" } } };
    expect((await call(node, "POST", answer, { headers })).status).toBe(202);
    await resumed.ended;
    expect(resumed.events.at(-1)?.data).toContain("thanks, Ada");
  });

  test("is over once nothing of it is under way", async () => {
    const node = await start({ trustMs: 0 });
    const headers = await open(node);
    await call(node, "POST", toolCall(1, "steps", { n: 2 }), { headers });
    await delay(1.5 * idleMs);
    expect((await call(node, "POST", toolCall(2, "count"), { headers })).status).toBe(404);
  });
});

describe("a call whose session is ended at another node", () => {
  beforeEach(async () => {
    hold = await openHold();
  });

  test.each([
    ["in time: is answered", 10_000, "done 6"],
    ["too late: is told to stop, and its client that the session has ended", 200, "The session has ended"],
  ])("and that is over %s", async (_, endedGraceMs, expected) => {
    const [node, other] = [await start({ endedGraceMs }), await start()];
    const headers = await open(node);
    const late = endedGraceMs < 1_000;
    const hanging = late ? call(node, "POST", toolCall(1, "hang"), { headers }) : undefined;
    const talking = await stream(node, "POST", toolCall(2, "steps", { n: late ? 100 : 6, waitMs: 100 }), headers);
    await talking.until(2);
    expect((await call(other, "DELETE", undefined, { headers })).status).toBe(200);
    await talking.ended;
    expect(talking.events.at(-1)?.data).toContain(expected);
    if (hanging !== undefined) {
      expect((await hanging).json()).toMatchObject({ id: 1, error: { code: -32000, message: expected } });
      await eventually(() => aborted.length === 1);
    }
    await eventually(() => node.endpoint.stats.callsInFlight === 0 && node.endpoint.stats.warm === 0);
  });
});

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import { localUser, ownerOfPrincipal } from "../../../security/principal.ts";
import type { Store } from "../../../store/contract.ts";
import { memoryStore } from "../../../stores/memory/index.ts";
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
  through,
  toolCall,
} from "../bridge.test-kit.ts";
import { outStream, transportKey } from "../transport-record.ts";

let store: Store;
let hold: TestHold;
const nodes: Node[] = [];
let release: () => void;
let released: Promise<void>;
let ahead: number;
/** How many pages of which stream were read through the hold of these tests. */
let reads: string[];

beforeEach(async () => {
  ahead = 0;
  store = await memoryStore({ clock: () => Date.now() + ahead });
  reads = [];
  const watched = new Proxy(
    through(store, () => undefined),
    {
      get: (target, name, receiver) => {
        const value: unknown = Reflect.get(target, name, receiver);
        // As a store at the other end of a network: commits carry ids, and an id that came twice would be no commit.
        if (name === "traits") return { ...store.traits, outcomeCanBeUnknown: true };
        if ((name !== "events" && name !== "read") || typeof value !== "function") return value;
        return (...given: unknown[]): unknown => {
          const { kind } = given[1] as { kind: string };
          const page = (given[3] ?? {}) as { after?: number };
          reads.push(name === "read" ? kind : `${String(given[2])} after ${String(page.after ?? 0)}`);
          return Reflect.apply(value, target, given);
        };
      },
    },
  );
  hold = await openHold(watched);
  released = new Promise((resolve) => {
    release = resolve;
  });
});

afterEach(async () => {
  release();
  for (const node of nodes.splice(0)) await node.close();
  await hold.closeAll();
  await store.close();
});

/** A node whose tool talks, and then answers when the test says so. */
async function start(options: Parameters<typeof startNode>[0]["options"] = {}): Promise<Node> {
  const node = await startNode({
    hold,
    options: { pollMs: 50, ...options },
    build: (server, context) => {
      registerTools(server, context);
      server.registerTool("talk", { inputSchema: z.object({ n: z.number() }) }, async ({ n }, ctx) => {
        for (let i = 1; i <= n; i += 1) {
          await ctx.mcpReq.notify({ method: "notifications/message", params: { level: "info", data: i } });
        }
        await released;
        return { content: [{ type: "text", text: "the real result" }] };
      });
    },
  });
  nodes.push(node);
  return node;
}

/** A call that has said so much that its beginning is no longer in the log, and the place its client got to. */
async function startTalking(
  node: Node,
  ids: readonly number[] = [1],
): Promise<{ headers: Record<string, string>; last: string }> {
  const batch = ids.length > 1;
  const headers = await open(node, batch ? { protocolVersion: "2025-03-26" } : {});
  const calls = ids.map((id) => toolCall(id, "talk", { n: 30 }));
  const first = await stream(node, "POST", batch ? calls : calls[0], headers);
  const events = await first.until(30 * ids.length + (batch ? 0 : 1));
  const last = events.at(-1)?.id ?? "";
  first.drop();
  await first.ended;
  const handle = (headers["mcp-session-id"] ?? "").split(".")[0] ?? "";
  const page = await store.events(ownerOfPrincipal(localUser), transportKey(handle), outStream, { limit: 1 });
  expect(page?.first).toBeGreaterThan(1);
  return { headers, last };
}

describe("a call whose beginning the log has dropped", () => {
  test("is not given up by a node that does not run it: its result still arrives", async () => {
    const [here, there] = [await start({ maxLogEvents: 10 }), await start({ maxLogEvents: 10 })];
    const { headers, last } = await startTalking(here);
    const resumed = await stream(there, "GET", undefined, { ...headers, "last-event-id": last });
    const before = reads.length;
    await eventually(() => reads.length > before + 20);
    release();
    await resumed.ended;
    expect(resumed.events.map(({ data }) => JSON.parse(data))).toMatchObject([
      { id: 1, result: { content: [{ text: "the real result" }] } },
    ]);
  });

  test("is answered with an error, and not with silence, once its node is dead", async () => {
    const here = await start({ maxLogEvents: 10 });
    const { headers, last } = await startTalking(here);
    // A process that died says no more; here it is made to by taking its sign of life away.
    await killInStore();
    const there = await start({ maxLogEvents: 10 });
    const resumed = await call(there, "GET", undefined, { headers: { ...headers, "last-event-id": last } });
    const [answer, ...rest] = parseEvents(resumed.text);
    expect(JSON.parse(answer?.data ?? "")).toMatchObject({ id: 1, error: { code: -32603 } });
    expect(rest).toEqual([]);
  });

  test("of a batch only the unanswered get an error", async () => {
    const here = await start({ maxLogEvents: 30 });
    const headers = await open(here, { protocolVersion: "2025-03-26" });
    const batch = [toolCall(1, "talk", { n: 1 }), toolCall(2, "steps", { n: 2 }), toolCall(3, "talk", { n: 60 })];
    const first = await stream(here, "POST", batch, headers);
    const events = await first.until(64);
    first.drop();
    await killInStore();
    const there = await start();
    const resumed = await call(there, "GET", undefined, {
      headers: { ...headers, "last-event-id": events.at(-1)?.id ?? "" },
    });
    const answers = parseEvents(resumed.text).map(({ data }) => JSON.parse(data));
    expect(answers).toMatchObject([
      { id: 1, error: { code: -32603 } },
      { id: 3, error: { code: -32603 } },
    ]);
    expect(answers).toHaveLength(2);
  });

  test("does not have the session's whole log read again at every wake", async () => {
    const [here, there] = [await start(), await start()];
    const headers = await open(here);
    const first = await stream(here, "POST", toolCall(1, "talk", { n: 100 }), headers);
    const events = await first.until(101);
    first.drop();
    const resumed = await stream(there, "GET", undefined, { ...headers, "last-event-id": events.at(-1)?.id ?? "" });
    await eventually(() => reads.length > 4);
    reads.length = 0;
    await eventually(() => reads.length > 20);
    // The one at 102 says that the stream was resumed.
    // A call that takes long may be cancelled by way of another node, and looks for that.
    const others = reads.filter((what) => !what.startsWith("in "));
    expect([...new Set(others)].sort()).toEqual(["holdfast.call", "holdfast.node", "out after 102"]);
    release();
    await resumed.ended;
  });
});

/** Ends the records by which nodes say that they live, long after calls were begun. */
async function killInStore(): Promise<void> {
  ahead += 11_000;
  const { records } = await store.admin.scan({ limit: 1_000, kind: "holdfast.node" });
  for (const { owner, kind, id } of records) await store.commit(owner, [{ kind, id, expect: "present", end: true }]);
}

test("a log that was opened anew, after its session had been evicted, takes what is new", async () => {
  const node = await start({ maxWarmInstances: 1 });
  const headers = await open(node);
  const texts = async (id: number): Promise<unknown[]> => {
    const answer = await call(node, "POST", toolCall(id, "steps", { n: 2 }), { headers });
    // Another session, so that the first has to give way.
    await open(node);
    return parseEvents(answer.text).map(({ id: place }) => Number(place?.split("_")[1]));
  };
  expect(await texts(1)).toEqual([1, 2, 3, 4]);
  expect(await texts(2)).toEqual([5, 6, 7, 8]);
  expect(await texts(3)).toEqual([9, 10, 11, 12]);
});

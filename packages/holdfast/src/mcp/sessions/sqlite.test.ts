import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HoldOptions } from "../../state/hold.ts";
import type { Store } from "../../store/contract.ts";
import { sqliteStore } from "../../stores/sqlite/index.ts";
import {
  call,
  eventually,
  type Node,
  open,
  openHold,
  parseEvents,
  startNode,
  stream,
  toolCall,
} from "./bridge.test-kit.ts";

type Process = { readonly node: Node; readonly store: Store; stop(): Promise<void> };

let folder: string;
const running = new Set<Process>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-sessions-"));
});

afterEach(async () => {
  for (const one of running) await one.stop();
  await rm(folder, { recursive: true });
});

/** Its own store on the shared file, as another process would have. */
async function startProcess(
  options: Parameters<typeof startNode>[0]["options"] = {},
  sessions: HoldOptions["sessions"] = {},
): Promise<Process> {
  const store = await sqliteStore({ path: join(folder, "state.db") });
  const hold = await openHold(store, { sessions });
  const node = await startNode({ hold, options });
  const one: Process = {
    node,
    store,
    stop: async () => {
      running.delete(one);
      await node.close();
      await hold.closeAll();
      await store.close();
    },
  };
  running.add(one);
  return one;
}

describe("on SQLite", () => {
  test("a session and its streams go on after a restart", async () => {
    const first = await startProcess();
    const headers = await open(first.node);
    await call(first.node, "POST", toolCall(1, "count"), { headers });
    const events = parseEvents((await call(first.node, "POST", toolCall(2, "steps", { n: 3 }), { headers })).text);
    const get = await stream(first.node, "GET", undefined, headers);
    const [primed] = await get.until(1);
    get.drop();
    await first.stop();

    const second = await startProcess();
    expect((await call(second.node, "POST", toolCall(3, "count"), { headers })).json()).toMatchObject({
      result: { content: [{ text: "2" }] },
    });
    const replayed = await call(second.node, "GET", undefined, {
      headers: { ...headers, "last-event-id": events[1]?.id ?? "" },
    });
    expect(parseEvents(replayed.text)).toEqual(events.slice(2).map(({ id, data }) => ({ id, data })));
    const resumed = await stream(second.node, "GET", undefined, { ...headers, "last-event-id": primed?.id ?? "" });
    await call(second.node, "POST", toolCall(4, "announce"), { headers });
    await resumed.until(1);
    resumed.drop();
  });

  test("two processes share a session: a call here, its stream resumed and its question answered there", async () => {
    const [here, there] = [await startProcess(), await startProcess()];
    const headers = await open(here.node);
    const asking = await stream(here.node, "POST", toolCall(1, "ask", { question: "who" }), headers);
    const [opening, question] = await asking.until(2);
    asking.drop();
    const resumed = await stream(there.node, "GET", undefined, { ...headers, "last-event-id": opening?.id ?? "" });
    expect((await resumed.until(1))[0]).toEqual({ id: question?.id, data: question?.data });
    const { id } = JSON.parse(question?.data ?? "");
    await call(
      there.node,
      "POST",
      { jsonrpc: "2.0", id, result: { action: "accept", content: { name: "Ada" } } },
      { headers },
    );
    await resumed.ended;
    expect(resumed.events.at(-1)?.data).toContain("Ada");
    await eventually(() => here.node.endpoint.stats.callsInFlight === 0);
  });

  test("calls of many sessions at two processes are each counted once", async () => {
    const processes = [await startProcess(), await startProcess()];
    const sessions = await Promise.all(Array.from({ length: 8 }, (_, i) => open((processes[i % 2] as Process).node)));
    await Promise.all(
      sessions.flatMap((headers) =>
        Array.from({ length: 10 }, (_, i) =>
          call((processes[i % 2] as Process).node, "POST", toolCall(i, "count"), { headers }),
        ),
      ),
    );
    for (const headers of sessions) {
      const last = await call((processes[0] as Process).node, "POST", toolCall(99, "count"), { headers });
      expect(last.json()).toMatchObject({ result: { content: [{ text: "11" }] } });
    }
    for (const { node } of processes) expect(node.errors).toEqual([]);
  });

  test("a session dies of idleness and not while it is used", async () => {
    const one = await startProcess({ trustMs: 0 }, { idle: 600 });
    const [used, idle] = [await open(one.node), await open(one.node)];
    const until = Date.now() + 1_200;
    while (Date.now() < until) {
      expect((await call(one.node, "POST", toolCall(1, "echo", { text: "x" }), { headers: used })).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect((await call(one.node, "POST", toolCall(1, "echo", { text: "x" }), { headers: idle })).status).toBe(404);
    // Both records have slid: the session is not the first to go.
    expect((await call(one.node, "POST", toolCall(1, "count"), { headers: used })).json()).toMatchObject({
      result: { content: [{ text: "1" }] },
    });
  });
});

import { afterEach, beforeEach, expect, test } from "vitest";

import type { Store } from "../../store/contract.ts";
import { memoryStore } from "../../stores/memory/index.ts";
import { call, type Node, open, openHold, startNode, type TestHold, through, toolCall } from "./bridge.test-kit.ts";

const store = await memoryStore();
const nodes: Node[] = [];
const holds: TestHold[] = [];
let asked: string[] = [];

beforeEach(() => {
  asked = [];
});

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.close();
  for (const hold of holds.splice(0)) await hold.closeAll();
});

/** A node of its own on the store; what it asks of the store is noted where that is wanted. */
async function start(noted: boolean, sessions = {}, trustMs = 500): Promise<Node> {
  const look = (operation: keyof Store): undefined => {
    if (noted && (operation === "read" || operation === "commit")) asked.push(operation);
  };
  const hold = await openHold(through(store, look), { sessions });
  const node = await startNode({ hold, options: { trustMs } });
  holds.push(hold);
  nodes.push(node);
  return node;
}

test("the first call on a node that never saw the session costs one read more than the next", async () => {
  const home = await start(false);
  const other = await start(true);
  const headers = await open(home);
  asked = [];
  await call(other, "POST", toolCall(1, "count"), { headers });
  expect(asked).toEqual(["read", "commit"]);
  await call(other, "POST", toolCall(2, "count"), { headers });
  expect(asked).toEqual(["read", "commit", "commit"]);
});

test("calls that read nothing keep both records of a session alive, however long ago its node looked", async () => {
  const lifetime = { idle: 600 };
  const home = await start(false, lifetime);
  const busy = await start(false, lifetime, 60_000);
  const headers = await open(home);
  const until = Date.now() + 1_200;
  while (Date.now() < until) {
    expect((await call(busy, "POST", toolCall(1, "count"), { headers })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // It reads the record that says whose the session is; without it the session would be over.
  expect((await call(home, "POST", toolCall(2, "count"), { headers })).status).toBe(200);
});

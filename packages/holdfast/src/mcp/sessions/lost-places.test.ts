/** Streams whose places other nodes have taken, cannot be counted, or are not there. */
import { afterEach, beforeEach, expect, test } from "vitest";

import { HoldfastError } from "../../record/errors.ts";
import { call, type Node, open, openHold, startNode, stream, toolCall } from "./bridge.test-kit.ts";
import { type LosablePlaces, losablePlaces } from "./losable-places.test-kit.ts";
import { StreamSlots } from "./slots.ts";

let hold: Awaited<ReturnType<typeof openHold>>;
let places: LosablePlaces;
let refused: string[];
let node: Node;
let headers: Awaited<ReturnType<typeof open>>;

beforeEach(async () => {
  hold = await openHold();
  places = losablePlaces(2);
  refused = [];
  const slots = new StreamSlots({ max: 9, places, onRefused: (full) => refused.push(full) });
  node = await startNode({ hold, slots });
  headers = await open(node);
});

afterEach(async () => {
  await node.close();
  await hold.closeAll();
});

test("a session's own stream ends with its place", async () => {
  const get = await stream(node, "GET", undefined, headers);
  await get.until(1);
  places.loseAll();
  await get.ended;
  await expect.poll(() => node.endpoint.stats.streams).toBe(0);
});

test("the stream of a call ends with its place, and goes on where it is resumed", async () => {
  const asking = await stream(node, "POST", toolCall(1, "ask", { question: "who" }), headers);
  const events = await asking.until(2);
  places.loseAll();
  await asking.ended;
  const again = await stream(node, "GET", undefined, { ...headers, "last-event-id": events[1]?.id ?? "" });
  const { id } = JSON.parse(events[1]?.data ?? "");
  await call(node, "POST", { jsonrpc: "2.0", id, result: { action: "decline" } }, { headers });
  expect((await again.until(1))[0]?.data).toContain("decline");
});

test("where they cannot be counted a call that has run is answered plainly, and nothing is opened", async () => {
  places.failure = new HoldfastError("UNAVAILABLE", "the store is away");
  const plain = await call(node, "POST", toolCall(1, "steps", { n: 2 }), { headers });
  expect(plain.json()).toMatchObject({ result: { content: [{ text: "done 2" }] } });
  expect(node.errors).toEqual([places.failure]);
  expect((await call(node, "GET", undefined, { headers })).status).toBe(503);
  places.failure = undefined;
  expect(node.endpoint.stats.streams).toBe(0);
});

test("who has none left is refused, and each refusal is counted, that of a call's stream as well", async () => {
  const others = [await open(node), await open(node)];
  const streams = [
    await stream(node, "GET", undefined, headers),
    await stream(node, "GET", undefined, others[0] ?? {}),
  ];
  expect((await call(node, "GET", undefined, { headers: others[1] ?? {} })).status).toBe(429);
  expect(refused).toEqual(["principal"]);
  await call(node, "POST", toolCall(1, "steps", { n: 2 }), { headers });
  expect(refused).toEqual(["principal", "principal"]);
  for (const get of streams) get.drop();
});

/** Changes announced on any node, told to sessions wherever their stream is held. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { ownerOfPrincipal } from "../../security/principal.ts";
import {
  call,
  eventually,
  type Node,
  type OpenStream,
  open,
  openHold,
  registerTools,
  startNode,
  stream,
  type TestHold,
} from "./bridge.test-kit.ts";

const alice = { "x-user": "alice" };
const ownerOfAlice = ownerOfPrincipal({ issuer: "test", subject: "alice", scopes: [] });

/** What of a stream is about changes, in short. */
const newsOf = ({ events }: Pick<OpenStream, "events">): readonly string[] =>
  events
    .filter(({ data }) => data !== "")
    .map(({ data }) => {
      const { method, params } = JSON.parse(data) as { method: string; params?: { uri?: string } };
      return params?.uri ?? method.replace("notifications/", "");
    });

describe.each(backings)("changes, on %s", (_name, openBacking) => {
  let backing: Backing;
  const holds: TestHold[] = [];
  const nodes: Node[] = [];

  async function start(): Promise<Node> {
    const hold = await openHold(await backing.open());
    const node = await startNode({
      hold,
      options: { pollMs: 500 },
      build: (server, context) => {
        registerTools(server, context);
        server.registerResource("thing", "test://thing", {}, (uri) => ({ contents: [{ uri: uri.href, text: "x" }] }));
      },
    });
    holds.push(hold);
    nodes.push(node);
    return node;
  }

  let a: Node;
  let b: Node;
  let c: Node;
  beforeEach(async () => {
    backing = await openBacking();
    [a, b, c] = [await start(), await start(), await start()];
  });
  afterEach(async () => {
    for (const node of nodes.splice(0)) {
      await node.close();
      expect(node.errors).toEqual([]);
    }
    for (const hold of holds.splice(0)) await hold.closeAll();
    await backing[Symbol.asyncDispose]();
  });

  async function subscribe(node: Node, headers: Record<string, string>, uri: string, un = ""): Promise<unknown> {
    const body = { jsonrpc: "2.0", id: uri, method: `resources/${un}subscribe`, params: { uri } };
    return (await call(node, "POST", body, { headers })).json();
  }

  test("of resources reach who subscribed on another node, on the stream a third one holds, and nobody else", async () => {
    const [headers, other] = [await open(a, { headers: alice }), await open(a, { headers: alice })];
    const stranger = await open(a, { headers: { "x-user": "bob" } });
    expect(await subscribe(a, headers, "test://thing")).toMatchObject({ result: {} });
    await subscribe(b, stranger, "test://thing");
    const [listening, otherListening] = [
      await stream(b, "GET", undefined, headers),
      await stream(c, "GET", undefined, other),
    ];
    const strangerListening = await stream(b, "GET", undefined, stranger);
    c.bus.notifier(ownerOfAlice).resourceUpdated("test://thing");
    c.bus.notifier(ownerOfAlice).resourceUpdated("test://other");
    await eventually(() => newsOf(listening).length > 0, 15_000);
    await subscribe(c, headers, "test://thing", "un");
    c.bus.notifier(ownerOfAlice).resourceUpdated("test://thing");
    c.bus.notifier().toolsChanged();
    for (const one of [listening, otherListening, strangerListening]) {
      await eventually(() => newsOf(one).includes("tools/list_changed"), 15_000);
    }
    expect(newsOf(listening)).toEqual(["test://thing", "tools/list_changed"]);
    expect(newsOf(otherListening)).toEqual(["tools/list_changed"]);
    expect(newsOf(strangerListening)).toEqual(["tools/list_changed"]);
    for (const one of [listening, otherListening, strangerListening]) one.drop();
  });

  test("arrive once and in order while the stream wanders from node to node, also those of when nobody held it", async () => {
    const headers = await open(a, { headers: alice });
    for (let i = 0; i < 60; i += 1) await subscribe(i % 2 === 0 ? a : b, headers, `test://${i}`);
    const seen: { readonly id?: string; readonly data: string }[] = [];
    let holder = await stream(a, "GET", undefined, headers);
    await holder.until(1);
    for (let i = 0; i < 60; i += 1) {
      c.bus.notifier(ownerOfAlice).resourceUpdated(`test://${i}`);
      if (i % 10 !== 9) continue;
      if (i % 20 === 9) await holder.until(2, 15_000).catch(() => undefined);
      holder.drop();
      await holder.ended;
      seen.push(...holder.events);
      const where = [b, c, a][((i + 1) / 10) % 3] ?? b;
      const last = seen.at(-1)?.id ?? "";
      holder = await stream(where, "GET", undefined, { ...headers, "last-event-id": last });
    }
    await eventually(() => newsOf({ events: [...seen, ...holder.events] }).includes("test://59"), 15_000);
    expect(newsOf({ events: [...seen, ...holder.events] })).toEqual(
      Array.from({ length: 60 }, (_, i) => `test://${i}`),
    );
    holder.drop();
  });

  test("reach who subscribed though its first stream is opened after them", async () => {
    const headers = await open(a, { headers: alice });
    await subscribe(a, headers, "test://thing");
    c.bus.notifier(ownerOfAlice).resourceUpdated("test://other");
    c.bus.notifier(ownerOfAlice).resourceUpdated("test://thing");
    c.bus.notifier(ownerOfAlice).toolsChanged();
    await eventually(async () => (await c.bus.since(ownerOfAlice, 0))?.head === 3, 15_000);
    const listening = await stream(b, "GET", undefined, headers);
    await eventually(() => newsOf(listening).includes("tools/list_changed"), 15_000);
    expect(newsOf(listening)).toEqual(["test://thing", "tools/list_changed"]);
    listening.drop();
  });

  test("of before a subscription, and of before a client was ready, are no news", async () => {
    const other = await open(a, { headers: alice });
    await subscribe(a, other, "test://thing");
    c.bus.notifier(ownerOfAlice).resourceUpdated("test://thing");
    c.bus.notifier(ownerOfAlice).toolsChanged();
    await eventually(async () => (await c.bus.since(ownerOfAlice, 0))?.head === 2, 15_000);
    const headers = await open(b, { headers: alice });
    await subscribe(b, headers, "test://thing");
    const listening = await stream(a, "GET", undefined, headers);
    await listening.until(1);
    c.bus.notifier(ownerOfAlice).promptsChanged();
    await eventually(() => newsOf(listening).length > 0, 15_000);
    expect(newsOf(listening)).toEqual(["prompts/list_changed"]);
    listening.drop();
  });

  test("subscriptions are bounded, and one too many says so", async () => {
    const headers = await open(a, { headers: alice });
    expect(await subscribe(a, headers, `test://${"x".repeat(3_000)}`)).toMatchObject({
      error: { code: -32602, message: expect.stringContaining("subscribes to at most 256 resources") },
    });
    for (let i = 0; i < 16; i += 1) await subscribe(a, headers, `test://${"x".repeat(2_000)}/${i}`);
    expect(await subscribe(a, headers, `test://${"y".repeat(2_000)}`)).toMatchObject({ error: { code: -32602 } });
    await subscribe(b, headers, `test://${"x".repeat(2_000)}/3`, "un");
    expect(await subscribe(a, headers, `test://${"y".repeat(2_000)}`)).toMatchObject({ result: {} });
  });
});

/** Batches, which the revision 2025-03-26 allows: several messages in one request, each of which any node may take. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { Cluster } from "../lib/cluster.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { logsIn, openRawSession, type RawSession, readEvents, readUntil, type SseEvent } from "../lib/raw-session.ts";
import { startFleet } from "./fleet.ts";

const timeout = 60_000;
const talk = { tag: "talk", steps: 20, waitMs: 10 };

describe.each(durableStores)("three nodes on %s", { timeout }, (storeName) => {
  let store: DurableStore;
  let cluster: Cluster;

  beforeAll(async () => {
    store = await openDurable(storeName);
    cluster = await startFleet(store.url);
  });

  afterEach(async () => {
    for (const node of cluster.nodes) await node.restore();
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
  });

  const openSession = (): Promise<RawSession> =>
    openRawSession(cluster.url, {}, { version: "2025-03-26", capabilities: { elicitation: {} } });

  test("each of a batch is answered, whichever node gets it, and none is carried out twice", async () => {
    const session = await openSession();
    const seen = new Set<unknown>();
    for (let round = 0; round < 6; round++) {
      const ids = [1, 2, 3].map((n) => `round ${round} ${n}`);
      const batch = [...ids.map((id) => call(id, "count")), { jsonrpc: "2.0", method: "notifications/cancelled" }];
      const answer = await session.send(cluster.url, batch);
      const answers = (await answer.json()) as readonly Answer[];
      expect(new Set(answers.map(({ id }) => id))).toEqual(new Set(ids));
      const results = answers.map(({ result }) => result?.structuredContent);
      expect(results.map((result) => Number(result?.["value"])).sort(byNumber)).toEqual(
        [1, 2, 3].map((n) => round * 3 + n),
      );
      seen.add(results[0]?.["node"]);
    }
    expect(seen.size).toBe(3);
  });

  test("a batch that streams is resumed at another node with what is missing, and ends after its last answer", async () => {
    const session = await openSession();
    const [first, second] = [cluster.node(0), cluster.node(1)];
    const answer = await session.send(first.url, [call(1, "talk", talk), call(2, "count"), call(3, "talk", talk)]);
    const before = await readUntil(answer, (events) => logsIn(events).length === 10);
    const after = await readEvents(await session.resume(second.url, before.at(-1)?.id));
    const all = [...before, ...after];
    expect(logsIn(all).filter((line) => line === "talk 20")).toHaveLength(2);
    expect(logsIn(all)).toHaveLength(40);
    expect(new Set(answersIn(all).map(({ id }) => id))).toEqual(new Set([1, 2, 3]));
    expect(answersIn(all)).toHaveLength(3);
  });

  test("an answer to a question comes in a batch, through another node", async () => {
    const session = await openSession();
    const answer = await session.send(cluster.node(0).url, [call(1, "ask", { question: "who?" }), call(2, "count")]);
    let asked = 0;
    const events = await readUntil(answer, (seen) => {
      const question = seen.map(({ data }) => data).find((data) => data.includes("elicitation/create"));
      if (question !== undefined && asked++ === 0) void give(session, JSON.parse(question) as Answer);
      return answersIn(seen).length === 2;
    });
    const [answered] = answersIn(events).filter(({ id }) => id === 1);
    expect(answered?.result?.structuredContent).toMatchObject({ action: "accept", answer: "me" });

    async function give(to: RawSession, { id }: Answer): Promise<void> {
      const reply = { jsonrpc: "2.0", id, result: { action: "accept", content: { answer: "me" } } };
      const taken = await to.send(cluster.node(1).url, [reply, call(3, "count")]);
      expect(await taken.json()).toMatchObject([{ id: 3 }]);
    }
  });

  test("killed in the middle of a batch: what was answered is there, and the rest may be repeated", async () => {
    const session = await openSession();
    const [first, second] = [cluster.node(0), cluster.node(1)];
    const slow = { tag: "slow", steps: 1_000, waitMs: 20 };
    const answer = await session.send(first.url, [call(1, "talk", slow), call(2, "count")]);
    const before = await readUntil(answer, (events) => logsIn(events).length > 2 && answersIn(events).length > 0);
    await first.kill();
    const after = await readEvents(await session.resume(second.url, before.at(-1)?.id));
    const answers = answersIn([...before, ...after]);
    expect(answers.filter(({ id }) => id === 2)).toEqual([expect.objectContaining({ result: expect.anything() })]);
    expect(answers.filter(({ id }) => id === 1)).toEqual([
      expect.objectContaining({ error: expect.objectContaining({ message: expect.stringMatching(/repeated/) }) }),
    ]);
    const logs = logsIn([...before, ...after]);
    expect(logs).toEqual(logs.map((_, index) => `slow ${index + 1}`));
  });

  test("a version without batches refuses one at every node", async () => {
    const session = await openRawSession(cluster.url);
    for (const { url } of cluster.nodes) {
      const answer = await session.send(url, [call(1, "count")]);
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: -32600 } }]);
    }
  });
});

type Answer = {
  readonly id: unknown;
  readonly method?: string;
  readonly result?: { readonly structuredContent?: Readonly<Record<string, unknown>> };
  readonly error?: { readonly message: string };
};

function call(id: unknown, name: string, args: object = {}): object {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
}

function answersIn(events: readonly SseEvent[]): readonly Answer[] {
  return events
    .filter(({ data }) => data !== "")
    .map(({ data }) => JSON.parse(data) as Answer)
    .filter(({ method }) => method === undefined);
}

function byNumber(one: number, other: number): number {
  return one - other;
}

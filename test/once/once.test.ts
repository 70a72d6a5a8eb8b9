/** Calls that count once, over real nodes on one store, some of which die at the worst moment. */
import { expect, type TestContext, test } from "vitest";

import { type Caller, faultOf, textOf, valueOf } from "../clients/caller.ts";
import { v1Http } from "../clients/v1.ts";
import { v2Http } from "../clients/v2.ts";
import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { openRawSession, type RawSession, readUntil, type SseEvent } from "../lib/raw-session.ts";
import { type ShopNode, startNode as startShop } from "./nodes.ts";

/** What a test starts, and what ends with it: the last first. */
type World = {
  readonly newStore: (name: string) => Promise<string>;
  readonly startNode: (store: string, die?: "die") => Promise<ShopNode>;
  readonly connected: (connecting: Promise<Caller>) => Promise<Caller>;
};

function worldOf({ onTestFinished }: TestContext): World {
  const owned = async <T extends AsyncDisposable>(starting: Promise<T>): Promise<T> => {
    const started = await starting;
    onTestFinished(() => started[Symbol.asyncDispose]());
    return started;
  };
  return {
    newStore: async (name) => (await owned(openDurable(name))).url,
    startNode: (store, die) => owned(startShop(store, die)),
    connected: owned,
  };
}

/** Reads until something of a kind has come: that, and where in the stream it was. */
async function heard<T>(
  stream: Response,
  of: (message: Record<string, unknown>) => T | undefined,
): Promise<{ readonly found: T; readonly cursor: string }> {
  const inEvent = ({ data }: SseEvent): T | undefined => of(JSON.parse(data || "{}") as Record<string, unknown>);
  const events = await readUntil(stream, (all) => all.some((event) => inEvent(event) !== undefined));
  const [found] = events.map(inEvent).filter((it) => it !== undefined);
  if (found === undefined) throw new Error(`the stream ended without it: ${JSON.stringify(events)}`);
  return { found, cursor: events.at(-1)?.id ?? "" };
}

const questionIn = ({ method, id }: Record<string, unknown>): unknown =>
  method === "elicitation/create" ? id : undefined;
const answerIn = ({ result, error }: Record<string, unknown>): unknown => result ?? error;

/** Says yes to a question at one node. Whether that node lives to say that it heard is not asked. */
async function sayYes(session: RawSession, url: string, id: unknown): Promise<void> {
  const result = { action: "accept", content: { sure: true } };
  const sent = await session.send(url, { jsonrpc: "2.0", id, result }).catch(() => undefined);
  await sent?.text().catch(() => undefined);
}

describeStoresAtOnce(durableStores, "on %s", { timeout: 120_000 }, (name) => {
  test("a hundred calls with one key over three nodes have one effect and a hundred equal answers", async (context) => {
    const { newStore, startNode, connected } = worldOf(context);
    const store = await newStore(name);
    const nodes = await Promise.all([startNode(store), startNode(store), startNode(store)]);
    const callers = await Promise.all(
      nodes.flatMap(({ url }) => [
        connected(v2Http(url, "2026")),
        connected(v2Http(url, "2025")),
        connected(v1Http(url)),
      ]),
    );
    const [first] = callers;
    if (first === undefined) throw new Error("nobody is connected");
    const basket = textOf(await valueOf(first.call("create_basket", {})), "basket");
    const order = { basket, sku: "tea", idempotency_key: "k" };
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        valueOf((callers[index % callers.length] ?? first).call("order", order)),
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set([JSON.stringify({ items: ["tea"], version: 2, orders: 1 })]),
    );
    expect(await valueOf(first.call("show", { basket }))).toMatchObject({ value: { items: ["tea"] } });
    // The same key with another request is no repeat.
    expect(await faultOf(first.call("order", { ...order, sku: "milk" }))).toMatchObject({
      code: "conflict",
      retryable: false,
    });
  });

  test("a repeat after kill -9 between effect and answer returns the first outcome", async (context) => {
    const { newStore, startNode, connected } = worldOf(context);
    const store = await newStore(name);
    const [doomed, node] = await Promise.all([startNode(store, "die"), startNode(store)]);
    const other = await connected(v2Http(node.url, "2026"));
    const basket = textOf(await valueOf(other.call("create_basket", {})), "basket");
    const order = { basket, sku: "tea", idempotency_key: "k" };
    const caller = await connected(v2Http(doomed.url, "2026"));
    const cutOff = caller.call("order", order).then(
      () => "answered",
      () => "cut off",
    );
    await doomed.died;
    expect(await cutOff).toBe("cut off");
    expect(await valueOf(other.call("show", { basket }))).toMatchObject({ value: { items: ["tea"] }, version: 2 });
    // Somebody else comes first, while the dead node's lease of the call still stands.
    await valueOf(other.call("order", { ...order, sku: "milk", idempotency_key: "other" }));
    const first = { items: ["tea"], version: 2, orders: 1 };
    expect(await valueOf(other.call("order", order))).toEqual(first);
    expect(await valueOf(other.call("order", order))).toEqual(first);
    expect(await valueOf(other.call("show", { basket }))).toMatchObject({
      value: { items: ["tea", "milk"] },
      version: 3,
    });
  });

  test.for(["2026", "2025"] as const)(
    "a record that was shared by a call of %s which died before its answer is shared once, and by one grant",
    async (era, context) => {
      const { newStore, startNode, connected } = worldOf(context);
      const store = await newStore(name);
      const [doomed, node] = await Promise.all([startNode(store, "die"), startNode(store)]);
      const other = await connected(v2Http(node.url, era));
      const basket = textOf(await valueOf(other.call("create_basket", {})), "basket");
      const lend = { basket, sku: "all of it", idempotency_key: "k" };
      const caller = await connected(v2Http(doomed.url, era));
      const cutOff = caller.call("lend", lend).then(
        () => "answered",
        () => "cut off",
      );
      await doomed.died;
      expect(await cutOff).toBe("cut off");
      const { given } = await valueOf(other.call("lent", { basket }));
      expect(given).toHaveLength(1);
      const [grant] = given as readonly string[];
      expect(await valueOf(other.call("lend", lend))).toEqual({ grant });
      expect(await valueOf(other.call("lend", lend))).toEqual({ grant });
      expect(await valueOf(other.call("lent", { basket }))).toEqual({ given: [grant], seen: [grant] });
    },
  );

  test("a 2025 session whose call asked and died between effect and answer repeats it and is given the first outcome", async (context) => {
    const { newStore, startNode, connected } = worldOf(context);
    const store = await newStore(name);
    const [doomed, node] = await Promise.all([startNode(store, "die"), startNode(store)]);
    const session = await openRawSession(doomed.url, {}, { capabilities: { elicitation: { form: {} } } });
    const caller = await connected(v2Http(node.url, "2026"));
    const basket = textOf(await valueOf(caller.call("create_basket", {})), "basket");
    const order = { basket, sku: "tea", idempotency_key: "k" };

    const asking = await session.call(doomed.url, 1, "reserve", order);
    const { found: question, cursor } = await heard(asking, questionIn);
    await sayYes(session, doomed.url, question);
    await doomed.died;
    const first = { items: ["tea"], paid: [7], version: 3 };
    expect(await valueOf(caller.call("show", { basket }))).toMatchObject({ value: { items: ["tea"], paid: [7] } });
    expect(await heard(await session.resume(node.url, cursor), answerIn)).toMatchObject({
      found: { message: expect.stringContaining("repeated") },
    });

    const again = await session.call(node.url, 2, "reserve", order);
    const asked = await heard(again, questionIn);
    expect(asked.found).not.toBe(question);
    await sayYes(session, node.url, asked.found);
    const told = await heard(await session.resume(node.url, asked.cursor), answerIn);
    expect(told.found).toMatchObject({ structuredContent: first });
    // Whoever repeats it once more is asked nothing.
    const stream = await session.call(node.url, 3, "reserve", order);
    expect(await stream.text()).toContain(JSON.stringify(first));
    expect(await valueOf(caller.call("show", { basket }))).toMatchObject({
      value: { items: ["tea"], paid: [7] },
      version: 3,
    });
  });
});

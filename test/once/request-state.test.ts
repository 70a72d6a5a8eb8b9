/** States of questions that are good once, presented to real nodes on one store, some of which die at the worst moment. */
import { race } from "holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { callModern } from "../lib/modern-call.ts";
import { type ShopNode, startNode } from "./nodes.ts";

type Result = {
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly isError?: boolean;
  readonly requestState?: string;
};

async function call({ url }: ShopNode, name: string, args: object, state?: string): Promise<Result> {
  const inputResponses = state === undefined ? undefined : { sure: { action: "accept", content: { sure: true } } };
  return await callModern<Result>(url, name, { arguments: args, requestState: state, inputResponses });
}

async function asked(node: ShopNode): Promise<{ readonly basket: string; readonly state: string }> {
  const basket = String((await call(node, "create_basket", {})).structuredContent?.["basket"]);
  const { requestState: state } = await call(node, "pay", { basket });
  if (state === undefined) throw new Error("there is no state");
  return { basket, state };
}

describeStoresAtOnce(durableStores, "a state of single use, on %s", {}, (name) => {
  let nodes: readonly [ShopNode, ShopNode, ShopNode];
  let doomed: ShopNode;
  const closing: AsyncDisposable[] = [];

  beforeAll(async () => {
    const durable = await openDurable(name);
    closing.unshift(durable);
    const start = (die?: "die"): Promise<ShopNode> => startNode(durable.url, die);
    [doomed, ...nodes] = await Promise.all([start("die"), start(), start(), start()]);
    closing.unshift(doomed, ...nodes);
  });

  afterAll(async () => {
    for (const one of closing) await one[Symbol.asyncDispose]();
  });

  test("presented a hundred times at once over three nodes has one effect and a hundred equal answers", async () => {
    const { basket, state } = await asked(nodes[0]);
    const { errors, values } = await race(100, (n) => call(nodes[n % 3] ?? nodes[0], "pay", { basket }, state));
    expect(errors).toEqual([]);
    const answers = new Set(values.map(({ structuredContent }) => JSON.stringify(structuredContent)));
    expect(answers).toEqual(new Set([JSON.stringify({ paid: [7], version: 2, payments: 1 })]));
    const shown = await call(nodes[1], "show", { basket });
    expect(shown.structuredContent).toMatchObject({ value: { paid: [7] }, version: 2 });
  });

  test("presented again after kill -9 between effect and answer gives the first outcome", async () => {
    const { basket, state } = await asked(nodes[0]);
    await expect(call(doomed, "pay", { basket }, state)).rejects.toThrow(/fetch failed|terminated/);
    await doomed.died;
    // The effect is there, its answer is not; somebody else comes first, while the dead node's lease still stands.
    expect((await call(nodes[1], "show", { basket })).structuredContent).toMatchObject({
      value: { paid: [7] },
      version: 2,
    });
    await call(nodes[2], "order", { basket, sku: "tea", idempotency_key: "k" });
    const first = { paid: [7], version: 2, payments: 1 };
    const repeats = await race(9, (n) => call(nodes[n % 3] ?? nodes[0], "pay", { basket }, state));
    expect(repeats.values.map(({ structuredContent }) => structuredContent)).toEqual(
      Array.from({ length: 9 }, () => first),
    );
    expect((await call(nodes[0], "show", { basket })).structuredContent).toMatchObject({
      value: { items: ["tea"], paid: [7] },
      version: 3,
    });
  });
});

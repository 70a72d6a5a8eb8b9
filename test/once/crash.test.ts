/** Calls that count once, repeated until they are answered while the database and a node die under them. */
import { expect, test } from "vitest";

import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { callModern } from "../lib/modern-call.ts";
import { startNode } from "./nodes.ts";

const calls = 60;
type Order = {
  readonly structuredContent?: { readonly orders?: number; readonly basket?: string };
  readonly isError?: boolean;
};
type Shown = {
  readonly structuredContent: { readonly value: { readonly items: readonly string[] }; readonly version: number };
};

test.concurrent.for(durableStores)(
  "on %s, calls whose answers are lost to crashes are answered in the end, and each counts once",
  { timeout: 240_000 },
  async (name, { onTestFinished }) => {
    const durable = await openDurable(name);
    onTestFinished(() => durable[Symbol.asyncDispose]());
    const start = async (): Promise<Awaited<ReturnType<typeof startNode>>> => {
      const node = await startNode(durable.url);
      onTestFinished(() => node[Symbol.asyncDispose]());
      return node;
    };
    const [doomed, ...others] = [await start(), await start(), await start()];
    const urls = [doomed.url, ...others.map(({ url }) => url)];
    const made = await callModern<Order>(urls[1] ?? "", "create_basket", { arguments: {} });
    const basket = made.structuredContent?.basket;

    let answered = 0;
    let lost = 0;
    const until = performance.now() + 180_000;
    const order = async (n: number): Promise<number> => {
      for (let at = n; performance.now() < until; at += 1) {
        const call = { arguments: { basket, sku: `item ${n}`, idempotency_key: `key ${n}` } };
        const result = await callModern<Order>(urls[at % urls.length] ?? "", "order", call).catch(() => undefined);
        const orders = result?.isError === true ? undefined : result?.structuredContent?.orders;
        if (orders !== undefined) {
          answered += 1;
          return orders;
        }
        lost += 1;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`call ${n} was never answered`);
    };
    const crashing = (async () => {
      await expect.poll(() => answered, { timeout: 120_000 }).toBeGreaterThan(calls / 6);
      await doomed[Symbol.asyncDispose]();
      await durable.crash?.();
      const before = answered;
      await expect.poll(() => answered, { timeout: 120_000 }).toBeGreaterThan(Math.min(before + 5, calls - 1));
      await durable.crash?.();
    })();
    const answers = await Promise.all(Array.from({ length: calls }, (_, n) => order(n)));
    await crashing;
    expect(lost).toBeGreaterThan(0);
    // Each was counted by itself, and the numbers are those of the first time.
    expect(answers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: calls }, (_, n) => n + 1));
    for (let n = 0; n < calls; n += 7) expect(await order(n)).toBe(answers[n]);
    const { structuredContent } = await callModern<Shown>(urls[1] ?? "", "show", { arguments: { basket } });
    expect(new Set(structuredContent.value.items).size).toBe(calls);
    expect(structuredContent.value.items).toHaveLength(calls);
    expect(structuredContent.version).toBe(calls + 1);
  },
);

/** Caches in front of real stores, in two processes: what one writes the other soon sees, and nothing is decided by an old answer. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { eventually } from "../lib/eventually.ts";
import { startTold, type ToldProcess } from "../lib/told-process.ts";
import type { Command, Counts, Seen } from "./reader.ts";

/** So long that within a test only a hint, or the loss of hints, can take an answer out of memory. */
const longMs = 3_600_000;

describe.each(durableStores)("a cache in front of %s", (name) => {
  let store: Awaited<ReturnType<typeof openDurable>>;
  let one: ToldProcess<Command>;
  let two: ToldProcess<Command>;
  const closing: AsyncDisposable[] = [];

  async function start(maxStaleMs: number): Promise<ToldProcess<Command>> {
    const node = await startTold<Command>("caches/reader", [store.url, String(maxStaleMs)]);
    closing.unshift(node);
    return node;
  }

  beforeAll(async () => {
    store = await openDurable(name);
    closing.unshift(store);
    [one, two] = await Promise.all([start(longMs), start(longMs)]);
  });

  afterAll(async () => {
    for (const each of closing) await each[Symbol.asyncDispose]();
  });

  const price = (): Promise<string> => one.ok<string>({ do: "create", cents: 1 });
  const cents = async (node: ToldProcess<Command>, id: string): Promise<number> =>
    (await node.ok<Seen>({ do: "read", id })).cents;
  const counts = (node: ToldProcess<Command>): Promise<Counts> => node.ok<Counts>({ do: "counts" });

  test("answers from memory until another process writes, and soon as that wrote", async () => {
    const id = await price();
    // Reading until it came from memory: the hint of its creation may come after the first read.
    await eventually("an answer from memory", async () => {
      const before = await counts(two);
      await cents(two, id);
      return (await counts(two)).hits > before.hits;
    });
    for (let now = 2; now < 12; now += 1) {
      await one.ok({ do: "write", id, cents: now });
      expect(await cents(one, id), "one's own write").toBe(now);
      await eventually(`${now} to be seen by the other`, async () => (await cents(two, id)) === now);
    }
  });

  test("decides nothing by what it remembers", async () => {
    const id = await price();
    await cents(two, id);
    await Promise.all([one.ok({ do: "raise", id }), two.ok({ do: "raise", id })]);
    await eventually(
      "all twenty to be seen",
      async () => (await cents(one, id)) === 21 && (await cents(two, id)) === 21,
    );
    // Both go by what they see, at once. Who saw what is no longer so is refused, and no version is made twice.
    const made: unknown[] = [];
    for (let round = 0; round < 10; round += 1) {
      const told = await Promise.all(
        [one, two].map((node, n) => node.tell({ do: "write as seen", id, cents: 100 * round + n })),
      );
      for (const answer of told) {
        if ("ok" in answer) made.push(answer.ok);
        else expect(answer).toEqual({ code: "CONFLICT" });
      }
      await eventually("both to see the same", async () => (await cents(one, id)) === (await cents(two, id)));
    }
    expect(new Set(made).size).toBe(made.length);
  });

  test("forgets at both what one is told to forget", async () => {
    const id = await price();
    await eventually("it to be in memory", async () => {
      await cents(two, id);
      return (await counts(two)).size > 0;
    });
    await one.ok({ do: "invalidate", id });
    await eventually("it to be asked for again", async () => {
      const before = await counts(two);
      await cents(two, id);
      return (await counts(two)).misses > before.misses;
    });
    expect(await cents(two, id)).toBe(1);
  });

  test("is at most as old as was told where nobody tells it anything", async () => {
    const brief = await start(50);
    const id = await price();
    await cents(brief, id);
    await eventually("it to be asked for again though nobody wrote", async () => {
      const before = await counts(brief);
      await cents(brief, id);
      return (await counts(brief)).misses > before.misses;
    });
    expect(await cents(brief, id)).toBe(1);
  });

  test("forgets everything when it may have missed what others told", async () => {
    if (store.crash === undefined) {
      // A file has no server to lose. Its processes are told of any write, and forget everything then.
      const [id, other] = [await price(), await price()];
      await cents(two, id);
      await one.ok({ do: "write", id: other, cents: 5 });
      await eventually("nothing to be in memory", async () => (await counts(two)).size === 0);
      return;
    }
    const id = await price();
    await eventually("it to be in memory", async () => {
      await cents(two, id);
      return (await counts(two)).size > 0;
    });
    await store.crash();
    await eventually("nothing to be in memory", async () => (await counts(two)).size === 0, 30_000);
    await eventually("the store to answer again", async () => "ok" in (await two.tell({ do: "read", id })), 30_000);
    expect(await cents(two, id)).toBe(1);
  });
});

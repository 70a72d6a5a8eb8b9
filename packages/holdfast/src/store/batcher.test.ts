import { describe, expect, it } from "vitest";

import { Batcher, type Settle } from "./batcher.ts";

type Gate = { readonly opened: Promise<void>; open(): void };

function gate(): Gate {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A batcher that doubles numbers, one gate per batch, and shows its batches. */
function doubling(
  options: { readonly maxBatch?: number; readonly maxQueue?: number; readonly lingerMs?: number } = {},
): {
  readonly batcher: Batcher<number, number>;
  readonly batches: number[][];
  readonly gates: Gate[];
} {
  const batches: number[][] = [];
  const gates: Gate[] = [];
  const batcher = new Batcher<number, number>({
    maxBatch: 100,
    maxQueue: 100,
    ...options,
    run: async (items) => {
      batches.push([...items]);
      const hold = gate();
      gates.push(hold);
      await hold.opened;
      return items.map((item): Settle<number> => (item < 0 ? { error: new Error(`${item}`) } : { value: item * 2 }));
    },
  });
  return { batcher, batches, gates };
}

/** Opens every gate there is, turn by turn, until a promise has settled. */
async function openAll(gates: readonly Gate[], until: Promise<unknown>): Promise<void> {
  let over = false;
  const settled = (): void => {
    over = true;
  };
  until.then(settled, settled);
  while (!over) {
    for (const { open } of gates) open();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a batcher", () => {
  it("takes what one tick brought as one batch, and what came meanwhile as the next", async () => {
    const { batcher, batches, gates } = doubling();
    const first = [batcher.add(1), batcher.add(2)];
    await Promise.resolve();
    await Promise.resolve();
    const second = [batcher.add(3), batcher.add(4), batcher.add(5)];
    expect([batches, batcher.queued]).toEqual([[[1, 2]], 3]);
    const all = Promise.all([...first, ...second]);
    await openAll(gates, all);
    expect(await all).toEqual([2, 4, 6, 8, 10]);
    expect(batches).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
  });

  it("keeps batches to their size, and items in order", async () => {
    const { batcher, batches, gates } = doubling({ maxBatch: 3 });
    const all = Promise.all([1, 2, 3, 4, 5, 6, 7].map((item) => batcher.add(item)));
    await openAll(gates, all);
    expect(batches).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
  });

  it("never has two batches under way", async () => {
    let underWay = 0;
    let most = 0;
    const batcher = new Batcher<number, number>({
      maxBatch: 2,
      maxQueue: 100,
      run: async (items) => {
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        return items.map((value) => ({ value }));
      },
    });
    await Promise.all(Array.from({ length: 20 }, (_, item) => batcher.add(item)));
    expect(most).toBe(1);
  });

  it("gives each item its own outcome, also a falsy one", async () => {
    const { batcher, gates } = doubling();
    const all = Promise.allSettled([batcher.add(0), batcher.add(-1), batcher.add(2)]);
    await openAll(gates, all);
    expect(await all).toMatchObject([{ value: 0 }, { reason: { message: "-1" } }, { value: 4 }]);
  });

  it("fails a whole batch with what its run threw, at once or later, and goes on with the next", async () => {
    let calls = 0;
    const batcher = new Batcher<number, number>({
      maxBatch: 2,
      maxQueue: 100,
      run: (items) => {
        calls += 1;
        if (calls === 1) throw new Error("at once");
        if (calls === 2) return Promise.reject(new Error("later"));
        return Promise.resolve(items.map((value) => ({ value })));
      },
    });
    const outcomes = await Promise.allSettled([1, 2, 3, 4, 5].map((item) => batcher.add(item)));
    const told = outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : String(outcome.reason)));
    expect(told).toEqual(["Error: at once", "Error: at once", "Error: later", "Error: later", 5]);
  });

  it("rejects an item its run gave no outcome, rather than leaving it hanging", async () => {
    const batcher = new Batcher<number, number>({ maxBatch: 9, maxQueue: 9, run: async () => [{ value: 1 }] });
    const outcomes = await Promise.allSettled([batcher.add(1), batcher.add(2)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });

  it("refuses what would wait beyond its bound, and takes it again once there is room", async () => {
    const { batcher, gates } = doubling({ maxQueue: 2 });
    const first = batcher.add(1);
    await Promise.resolve();
    await Promise.resolve();
    const waiting = [batcher.add(2), batcher.add(3)];
    await expect(batcher.add(4)).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
    const all = Promise.all([first, ...waiting]);
    await openAll(gates, all);
    expect(await all).toEqual([2, 4, 6]);
    const again = batcher.add(5);
    await openAll(gates, again);
    expect(await again).toBe(10);
  });

  it("is idle once nothing waits or is under way, at once if it never ran", async () => {
    const { batcher, gates } = doubling({ maxBatch: 1 });
    await batcher.idle();
    const done: number[] = [];
    void batcher.add(1).then((value) => done.push(value));
    void batcher.add(2).then((value) => done.push(value));
    const idle = batcher.idle();
    await openAll(gates, idle);
    expect(done).toEqual([2, 4]);
    await batcher.idle();
  });

  it("waits for company where a linger is asked for", async () => {
    const { batcher, batches, gates } = doubling({ lingerMs: 20 });
    const first = batcher.add(1);
    await new Promise((resolve) => setImmediate(resolve));
    const second = batcher.add(2);
    const all = Promise.all([first, second]);
    await openAll(gates, all);
    expect(batches).toEqual([[1, 2]]);
  });

  it("takes what is added from inside an outcome", async () => {
    const { batcher, gates } = doubling();
    const chained = batcher
      .add(1)
      .then((value) => batcher.add(value))
      .then((value) => batcher.add(value));
    await openAll(gates, chained);
    expect(await chained).toBe(8);
  });
});

import { expect, test } from "vitest";

import { KeyedMutex } from "./keyed-mutex.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("runs one at a time per key, in the order of arrival, and keys side by side", async () => {
  const mutex = new KeyedMutex({ maxWaiting: 100, maxWaitMs: 5_000 });
  const inside = new Map<string, number>();
  const order: string[] = [];
  await Promise.all(
    Array.from({ length: 40 }, (_, index) => {
      const key = index % 2 === 0 ? "a" : "b";
      return mutex.run(key, undefined, async () => {
        expect(inside.get(key) ?? 0).toBe(0);
        inside.set(key, 1);
        await turn();
        order.push(`${key}${index}`);
        inside.set(key, 0);
      });
    }),
  );
  expect(order.filter((entry) => entry.startsWith("a"))).toEqual(Array.from({ length: 20 }, (_, n) => `a${n * 2}`));
  expect(mutex.held).toBe(0);
});

test("goes on after a holder that threw", async () => {
  const mutex = new KeyedMutex({ maxWaiting: 10, maxWaitMs: 5_000 });
  const failing = mutex.run("k", undefined, async () => {
    await turn();
    throw new Error("no");
  });
  const next = mutex.run("k", undefined, async () => "in");
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("in");
  expect(mutex.held).toBe(0);
});

test("turns away who waits too long or comes when too many wait, and stays in order", async () => {
  const mutex = new KeyedMutex({ maxWaiting: 2, maxWaitMs: 30 });
  let release: (() => void) | undefined;
  const holder = mutex.run("k", undefined, () => new Promise<void>((resolve) => (release = resolve)));
  const waiting = [mutex.run("k", undefined, async () => 1), mutex.run("k", undefined, async () => 2)];
  await expect(mutex.run("k", undefined, async () => 3)).rejects.toMatchObject({ code: "CONTENTION" });
  for (const outcome of await Promise.allSettled(waiting)) {
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "CONTENTION", details: { waitedMs: 30 } } });
  }
  const last = mutex.run("k", undefined, async () => 4);
  release?.();
  await holder;
  expect(await last).toBe(4);
  expect(mutex.held).toBe(0);
});

test("an update that updates its own record is told so instead of hanging", async () => {
  const mutex = new KeyedMutex({ maxWaiting: 2, maxWaitMs: 30 });
  const nested = mutex.run("k", undefined, () => mutex.run("k", undefined, async () => 1));
  await expect(nested).rejects.toThrow(/waits for itself/);
  expect(mutex.held).toBe(0);
});

import { expect, test } from "vitest";

import { HoldfastError } from "../record/errors.ts";
import { ownerOf } from "../record/ids.ts";
import type { ReapAnswer, Store } from "../store/contract.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { Reaper } from "./reaper.ts";

const owner = ownerOf({ issuer: "test", subject: "reaper" });

async function storeWithExpired(count: number): Promise<Store> {
  let now = Date.now();
  const store = await memoryStore({ clock: () => now });
  for (let n = 0; n < count; n++) {
    const create = { text: "{}", lifetime: { idleMs: 1 } };
    await store.commit(owner, [{ kind: "thing", id: `t${n}`, expect: "absent", create }]);
  }
  now += 1_000;
  return store;
}

test("one sweep goes on, batch after batch, until nothing is left, and never beside another", async () => {
  await using store = await storeWithExpired(25);
  const batches: number[] = [];
  const onRemoved = (removed: ReapAnswer["removed"]): void => void batches.push(removed.length);
  const onError = (error: unknown): never => {
    throw error;
  };
  const reaper = new Reaper({ store, everyMs: 3_600_000, batch: 10, onRemoved, onError });
  await Promise.all([reaper.sweep(), reaper.sweep(), reaper.sweep()]);
  expect(batches).toEqual([10, 10, 5]);
  expect(await store.admin.stats()).toMatchObject({ records: 0 });
  await reaper.close();
});

test("a sweep that fails is reported, and the next one tries again", async () => {
  await using store = await storeWithExpired(5);
  let failures = 2;
  const admin = {
    ...store.admin,
    reap: async (options: Parameters<Store["admin"]["reap"]>[0]) => {
      if (failures-- > 0) throw new HoldfastError("UNAVAILABLE", "not now");
      return await store.admin.reap(options);
    },
  };
  const flaky = new Proxy(store, { get: (target, name) => (name === "admin" ? admin : Reflect.get(target, name)) });
  const errors: unknown[] = [];
  let removed = 0;
  const reaper = new Reaper({
    store: flaky,
    everyMs: 5,
    batch: 10,
    onRemoved: ({ length }) => void (removed += length),
    onError: (error) => void errors.push(error),
  });
  await expect.poll(() => removed, { timeout: 5_000, interval: 5 }).toBe(5);
  expect(errors).toMatchObject([{ code: "UNAVAILABLE" }, { code: "UNAVAILABLE" }]);
  await reaper.close();
});

test("closing lets a sweep that is under way finish its batch and start no other", async () => {
  await using store = await storeWithExpired(1_000);
  let batches = 0;
  const reaper = new Reaper({
    store,
    everyMs: 3_600_000,
    batch: 1,
    onRemoved: () => void (batches += 1),
    onError: () => undefined,
  });
  const sweeping = reaper.sweep();
  await expect.poll(() => batches, { timeout: 5_000, interval: 1 }).toBeGreaterThan(0);
  await reaper.close();
  const until = batches;
  await sweeping;
  expect(batches).toBe(until);
  expect(batches).toBeLessThan(1_000);
});

test("a sweep goes on where a batch removed commit ids only, and lets others have their turn in between", async () => {
  await using store = await storeWithExpired(3);
  // What the store has besides: 40 batches of ids, of which an answer says no more than that there are more.
  let idBatches = 40;
  const admin = {
    ...store.admin,
    reap: async (options: Parameters<Store["admin"]["reap"]>[0]): Promise<ReapAnswer> => {
      if (idBatches === 0) return await store.admin.reap(options);
      idBatches -= 1;
      return { removed: [], more: true };
    },
  };
  const withIds = new Proxy(store, { get: (target, name) => (name === "admin" ? admin : Reflect.get(target, name)) });
  let removed = 0;
  const onRemoved = ({ length }: ReapAnswer["removed"]): void => void (removed += length);
  const onError = (error: unknown): never => {
    throw error;
  };
  const reaper = new Reaper({ store: withIds, everyMs: 3_600_000, batch: 10, onRemoved, onError });
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns += 1;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  await reaper.sweep();
  counting = false;
  expect([idBatches, removed]).toEqual([0, 3]);
  expect(turns).toBeGreaterThanOrEqual(40);
  await reaper.close();
});

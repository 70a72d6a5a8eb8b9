import { describe, expect, test } from "vitest";

import { backings } from "../../../../test/lib/backings.ts";
import { HoldfastError } from "../record/errors.ts";
import { ownerOf } from "../record/ids.ts";
import { around } from "../store/around.ts";
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
  const onReaped = ({ removed }: ReapAnswer): void => void batches.push(removed.length);
  const onError = (error: unknown): never => {
    throw error;
  };
  const reaper = new Reaper({ store, everyMs: 3_600_000, batch: 10, onReaped, onError });
  await Promise.all([reaper.sweep(), reaper.sweep(), reaper.sweep()]);
  expect(batches).toEqual([10, 10, 5]);
  // What is left is the lease.
  expect(await store.admin.stats()).toMatchObject({ records: 1 });
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
  const flaky = around(store, { admin });
  const errors: unknown[] = [];
  let removed = 0;
  const reaper = new Reaper({
    store: flaky,
    everyMs: 5,
    batch: 10,
    onReaped: (answer) => void (removed += answer.removed.length),
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
    onReaped: () => void (batches += 1),
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
      return { removed: [], closed: [], more: true };
    },
  };
  const withIds = around(store, { admin });
  let removed = 0;
  const onReaped = (answer: ReapAnswer): void => void (removed += answer.removed.length);
  const onError = (error: unknown): never => {
    throw error;
  };
  const reaper = new Reaper({ store: withIds, everyMs: 3_600_000, batch: 10, onReaped, onError });
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

describe.each(backings)("of several on one store, on %s,", (_name, openBacking) => {
  /** One process's reaper, which sweeps when it is told to; and what it removed. */
  function reaperOn(store: Store, everyMs = 3_600_000): { readonly reaper: Reaper; readonly removed: string[] } {
    const removed: string[] = [];
    const onReaped = (answer: ReapAnswer): void => void removed.push(...answer.removed.map(({ id }) => id));
    const onError = (error: unknown): never => {
      throw error;
    };
    return { removed, reaper: new Reaper({ store, everyMs, batch: 10, onReaped, onError }) };
  }

  async function expire(store: Store, id: string): Promise<void> {
    await store.commit(owner, [
      { kind: "thing", id, expect: "absent", create: { text: "{}", lifetime: { idleMs: 1 } } },
    ]);
  }

  test("one sweeps; another takes over once its lease is over, and the first, if it is there still, stands back", async () => {
    await using backing = await openBacking();
    const store = await backing.open();
    const [first, second] = [reaperOn(store), reaperOn(await backing.open())];
    await expire(store, "a");
    backing.clock.advance(10);
    await first.reaper.sweep();
    await expire(store, "b");
    backing.clock.advance(3_600_000);
    await second.reaper.sweep();
    expect([first.removed, second.removed]).toEqual([["a"], []]);
    await first.reaper.sweep();
    expect(first.removed).toEqual(["a", "b"]);
    await expire(store, "c");
    backing.clock.advance(7_199_000);
    await second.reaper.sweep();
    expect(second.removed).toEqual([]);
    backing.clock.advance(2_000);
    await second.reaper.sweep();
    expect(second.removed).toEqual(["c"]);
    await expire(store, "d");
    backing.clock.advance(10);
    await first.reaper.sweep();
    expect(first.removed).toEqual(["a", "b"]);
    await second.reaper.sweep();
    expect(second.removed).toEqual(["c", "d"]);
    await first.reaper.close();
    await second.reaper.close();
  });

  test("one that closes gives way at once", async () => {
    await using backing = await openBacking();
    const store = await backing.open();
    const [first, second] = [reaperOn(store), reaperOn(await backing.open())];
    await first.reaper.sweep();
    await second.reaper.sweep();
    await expire(store, "a");
    backing.clock.advance(10);
    await second.reaper.sweep();
    expect(second.removed).toEqual([]);
    await first.reaper.close();
    await second.reaper.sweep();
    expect(second.removed).toContain("a");
    await second.reaper.close();
  });

  test("a sweep that takes longer than the lease keeps it as it goes, and stops where it was lost", async () => {
    await using backing = await openBacking();
    const store = await backing.open();
    for (let n = 0; n < 30; n += 1) await expire(store, `t${n}`);
    backing.clock.advance(10);
    let lost = false;
    const losing = around(store, {
      commit: async (...given) =>
        lost
          ? { ok: false, refusal: { reason: "version", index: 0, expected: "absent" }, at: 0 }
          : await store.commit(...given),
    });
    let batches = 0;
    const reaper = new Reaper({
      store: losing,
      everyMs: 3_600_000,
      leaseMs: 1,
      batch: 1,
      onReaped: () => {
        batches += 1;
        lost = batches === 5;
        // The whole lease: its clock may not have moved at all.
        for (const until = performance.now() + 1; performance.now() < until; );
      },
      onError: () => undefined,
    });
    await reaper.sweep();
    expect(batches).toBe(5);
    await reaper.close();
  });
});

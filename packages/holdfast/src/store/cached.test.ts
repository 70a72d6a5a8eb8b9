import { afterEach, beforeEach, describe, expect, it, test } from "vitest";

import { type Backing, backings } from "../../../../test/lib/backings.ts";
import { eventually } from "../../../../test/lib/eventually.ts";
import { ownerOf } from "../record/ids.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { describeConformance } from "../testing/index.ts";
import { around } from "./around.ts";
import { type CachedStore, type CacheOptions, cached } from "./cached.ts";
import type { ReadAnswer, Store } from "./contract.ts";

const owner = ownerOf({ issuer: "test", subject: "alice" });
const lenient = { replica: true } as const;
const longMs = 600_000;

describe.each(backings)("a cache in front of %s", (_name, open) => {
  let backing: Backing;
  let reads: number;
  let beforeAnswer: (() => Promise<void>) | undefined;

  beforeEach(async () => {
    backing = await open();
    [reads, beforeAnswer] = [0, undefined];
  });
  afterEach(() => backing[Symbol.asyncDispose]());

  /** A cached store whose reads are counted, and held up where a test says so. */
  async function node(options: CacheOptions = { maxStaleMs: longMs }): Promise<CachedStore> {
    const store = await backing.open();
    const read: Store["read"] = async (...given) => {
      reads += 1;
      const answer = await store.read(...given);
      await beforeAnswer?.();
      return answer;
    };
    return cached(around(store, { read }), options);
  }

  const key = { kind: "price", id: "p1" } as const;
  const textOf = ({ record }: ReadAnswer): string | undefined => record?.document;

  async function create(store: Store, id = "p1", text = '"1"'): Promise<void> {
    await store.commit(owner, [{ kind: "price", id, expect: "absent", create: { text, lifetime: {} } }]);
  }
  async function replace(store: Store, text: string): Promise<void> {
    const committed = await store.commit(owner, [{ ...key, expect: "present", document: { text } }]);
    expect(committed.ok).toBe(true);
  }

  it("answers lenient reads from memory and counts them; all others ask the store", async () => {
    const store = await node();
    await create(store);
    for (let round = 0; round < 5; round += 1) expect(textOf(await store.read(owner, key, lenient))).toBe('"1"');
    expect([reads, store.cache.hits, store.cache.misses, store.cache.size]).toEqual([1, 4, 1, 1]);
    expect(store.figures?.().cache).toEqual({ hits: 4, misses: 1 });
    await store.read(owner, key);
    await store.read(owner, key, { ...lenient, commitId: "c" });
    await store.read(owner, key, { ...lenient, tails: [{ stream: "s", after: 0, limit: 1 }] });
    expect(reads).toBe(4);
  });

  it("asks once for many who ask at once, and one that gives up does not take the others along", async () => {
    const store = await node();
    await create(store);
    const giveUp = new AbortController();
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    beforeAnswer = () => held;
    const gone = store.read(owner, key, { ...lenient, signal: giveUp.signal });
    const many = Promise.all(Array.from({ length: 100 }, () => store.read(owner, key, lenient)));
    giveUp.abort();
    await expect(gone).rejects.toMatchObject({ code: "ABORTED" });
    go();
    expect(new Set((await many).map(textOf))).toEqual(new Set(['"1"']));
    expect(reads).toBe(1);
  });

  it("shows a node its own changes at once, and those of others when they tell", async () => {
    const [one, other] = [await node(), await node()];
    await create(one);
    await other.read(owner, key, lenient);
    await one.read(owner, key, lenient);
    await replace(one, '"2"');
    expect(textOf(await one.read(owner, key, lenient))).toBe('"2"');
    await eventually("the other node hears of it", async () => textOf(await other.read(owner, key, lenient)) === '"2"');
    await one.commit(owner, [{ ...key, expect: "present", end: true }]);
    expect((await one.read(owner, key, lenient)).record).toBeUndefined();
    await eventually("the end", async () => (await other.read(owner, key, lenient)).record === undefined);
  });

  it("does not keep what was read while it changed", async () => {
    const store = await node();
    await create(store);
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    beforeAnswer = () => held;
    const before = store.read(owner, key, lenient);
    await eventually("the read is under way", () => reads === 1);
    await replace(store, '"2"');
    beforeAnswer = undefined;
    expect(textOf(await store.read(owner, key, lenient))).toBe('"2"');
    go();
    await before;
    expect(textOf(await store.read(owner, key, lenient))).toBe('"2"');
  });

  it("is not trusted for a version that somebody has seen elsewhere", async () => {
    const store = await node();
    await create(store);
    const { record } = await store.read(owner, key, lenient);
    const behind = await backing.open();
    await replace(behind, '"2"');
    const seen = { ...lenient, minVersion: (record?.version ?? 0) + 1 };
    expect(textOf(await store.read(owner, key, seen))).toBe('"2"');
  });

  it("forgets what is as old as it was told, and what expired", async () => {
    const store = await node({ maxStaleMs: 30 });
    await create(store);
    await store.read(owner, key, lenient);
    await eventually("a second question", async () => {
      await store.read(owner, key, lenient);
      return reads > 1;
    });
    expect(store.cache.misses).toBeGreaterThan(1);
    const lasting = await node();
    const lifetime = { idleMs: 40 };
    await lasting.commit(owner, [{ kind: "price", id: "p2", expect: "absent", create: { text: "1", lifetime } }]);
    await eventually("its expiry", async () => {
      return (await lasting.read(owner, { kind: "price", id: "p2" }, lenient)).record === undefined;
    });
  });

  it("drops one record, or all, when it is told to, here and elsewhere", async () => {
    const [one, other] = [await node(), await node()];
    for (const id of ["p1", "p2"]) await create(one, id);
    for (const store of [one, other]) {
      for (const id of ["p1", "p2"]) await store.read(owner, { kind: "price", id }, lenient);
    }
    one.cache.invalidate("p1");
    expect(one.cache.size).toBe(1);
    await eventually("the other drops it", () => other.cache.size < 2);
    one.cache.invalidateAll();
    expect(one.cache.size).toBe(0);
    await eventually("the other drops all", () => other.cache.size === 0);
    await one.read(owner, key, lenient);
    await one.admin.erase(owner);
    expect((await one.read(owner, key, lenient)).record).toBeUndefined();
  });

  it("holds no more than it may, and nothing of what is not there", async () => {
    const store = await node({ maxStaleMs: longMs, maxRecords: 3 });
    for (let index = 0; index < 10; index += 1) {
      await create(store, `p${index}`);
      await store.read(owner, { kind: "price", id: `p${index}` }, lenient);
      await store.read(owner, { kind: "price", id: `none${index}` }, lenient);
    }
    expect(store.cache.size).toBe(3);
    const small = await node({ maxStaleMs: longMs, maxBytes: 2_000 });
    await create(small, "large", JSON.stringify("x".repeat(5_000)));
    await small.read(owner, { kind: "price", id: "large" }, lenient);
    expect(small.cache.size).toBe(0);
  });

  it("never lets a conditional change be decided by what it remembers", async () => {
    const store = await node();
    await create(store);
    const { record } = await store.read(owner, key, lenient);
    await replace(await backing.open(), '"2"');
    const late = await store.commit(owner, [{ ...key, expect: record?.version ?? 0, document: { text: '"3"' } }]);
    expect(late).toMatchObject({ ok: false, refusal: { reason: "version" } });
  });
});

test("everything is forgotten when the store says only that something changed, as after it was out of reach", async () => {
  await using memory = await memoryStore();
  let wake: (hint: string | undefined) => void = () => undefined;
  const subscribe: Store["subscribe"] = (_topic, listener) => {
    wake = listener;
    return () => undefined;
  };
  const store = cached(around(memory, { subscribe }), { maxStaleMs: longMs });
  const key = { kind: "price", id: "p1" };
  await store.commit(owner, [{ ...key, expect: "absent", create: { text: "1", lifetime: {} } }]);
  await store.read(owner, key, lenient);
  expect(store.cache.size).toBe(1);
  wake(undefined);
  expect(store.cache.size).toBe(0);
});

test.each([{ maxStaleMs: 0 }, { maxRecords: 1.5 }, { maxStale: 1 }])("%j is refused", async (options) => {
  await using memory = await memoryStore();
  expect(() => cached(memory, options as CacheOptions)).toThrow(/cached\(\)/);
});

describeConformance(
  { describe, it },
  "the memory store behind a cache",
  async () => {
    let ahead = 0;
    const store = await memoryStore({ clock: () => Date.now() + ahead });
    return {
      store: cached(store),
      advanceClock: (ms) => {
        ahead += ms;
      },
    };
  },
  { capabilities: ["advanceClock"] },
);

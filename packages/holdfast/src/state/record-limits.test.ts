import { describe, expect, test } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import type { Principal } from "../security/principal.ts";
import { kind } from "./kind.ts";

const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };
const mallory: Principal = { issuer: "test", subject: "mallory", scopes: [] };

const Basket = kind("basket", {
  schema: z.object({ items: z.array(z.string()).default([]), note: z.string().optional() }),
  idle: "24h",
  absolute: "30d",
  index: ({ items }) => ({ items: items.length }),
});
const Anything = kind("anything", { schema: z.unknown() });
const Profile = kind("profile", { schema: z.object({ visits: z.number().default(0) }), scope: "principal" });
const Note = kind("note", { schema: z.object({ text: z.string().default("") }), scope: "named", idle: "1h" });
const kinds = [Basket, Anything, Profile, Note] as const;

// The return type is the hold with exactly these kinds, which only inference can name.
async function open(backing: Backing) {
  return await holdfast({ store: await backing.open(), kinds, reap: false });
}

describe.each(backings)("limits of records on %s", (_name, makeBacking) => {
  test("odd values come back exactly as they were", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { anything } = hold.state(alice);
    const odd: readonly unknown[] = [
      null,
      "",
      0,
      false,
      [],
      {},
      [[]],
      JSON.parse('{"__proto__":{"a":1},"constructor":2,"toString":null}'),
      { "": "\0\u2028", "\ud800": "\udc00", ключ: "🦊" },
      [1e308, -1e-308, 2 ** 53],
      "x".repeat(1_000_000),
    ];
    for (const value of odd) {
      const { id } = await anything.create(value);
      const { value: read } = await anything.get(id);
      expect(JSON.stringify(read)).toBe(JSON.stringify(value));
      expect((await anything.append(id, "__proto__", value === odd.at(-1) ? "big" : value)).position).toBe(1);
      expect((await anything.increment(id, "__proto__", 3)).value).toBe(3);
      expect((await anything.get(id)).counters.get("__proto__")).toBe(3);
    }
    const { id } = await anything.create({});
    const polluted = await anything.patch(id, JSON.parse('{"__proto__":{"polluted":true}}'));
    expect(JSON.stringify(polluted.value)).toBe('{"__proto__":{"polluted":true}}');
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  test("what is not JSON, too deep or too large is refused and changes nothing", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { anything } = hold.state(alice);
    const { id } = await anything.create({ ok: true });
    let deep: unknown = 1;
    for (let level = 0; level < 65; level++) deep = [deep];
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    const bad = [
      1n,
      Number.NaN,
      () => 1,
      Symbol("s"),
      new Map(),
      Promise.resolve(1),
      new Date(Number.NaN),
      cycle,
      deep,
      "x".repeat(1_048_576),
    ];
    for (const value of bad) {
      await expect(anything.create(value)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(anything.update(id, () => ({ value }))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(anything.append(id, "s", value)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    expect(await anything.get(id)).toMatchObject({ version: 1, value: { ok: true }, heads: new Map() });
    expect((await anything.list()).records).toHaveLength(1);
  });

  test("a schema violation names the path and changes nothing", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    const wrong = basket.update(id, (draft) => {
      // What a program without types would do.
      (draft.items as unknown[]).push("fine", 7);
    });
    await expect(wrong).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { path: ["items", 1] } });
    await expect(wrong).rejects.toThrow(/items\[1\]/);
    expect((await basket.get(id)).version).toBe(1);
  });

  test("quotas hold exactly under 200 parallel creations, and reading and destroying go on", async () => {
    await using backing = await makeBacking();
    const Few = kind("few", { schema: z.object({}), limits: { maxRecords: 7 } });
    const store = await backing.open();
    await using hold = await holdfast({ store, kinds: [Few, Basket], limits: { maxRecords: 50 }, reap: false });
    const few = await Promise.allSettled(Array.from({ length: 40 }, () => hold.state(alice).few.create()));
    expect(few.filter(({ status }) => status === "fulfilled")).toHaveLength(7);
    const baskets = await Promise.allSettled(Array.from({ length: 200 }, () => hold.state(alice).basket.create()));
    expect(baskets.filter(({ status }) => status === "fulfilled")).toHaveLength(43);
    for (const outcome of baskets) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "QUOTA_EXCEEDED" });
    }
    expect(await hold.usage(alice)).toMatchObject({ records: 50, byKind: { few: 7, basket: 43 } });
    const [{ id } = { id: "" }] = (await hold.state(alice).basket.list()).records;
    await hold.state(alice).basket.patch(id, { note: "still" });
    expect(await hold.state(alice).basket.destroy(id)).toBe(true);
    await hold.state(alice).basket.create();
    await hold.state(mallory).basket.create();
  });

  test("the quota of bytes stops growth, not shrinking", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({
      store: await backing.open(),
      kinds: [Anything],
      limits: { maxBytes: 10_000 },
      reap: false,
    });
    const { anything } = hold.state(alice);
    const { id } = await anything.create("x".repeat(9_000));
    const grow = anything.update(id, () => "x".repeat(11_000));
    await expect(grow).rejects.toMatchObject({ code: "QUOTA_EXCEEDED", details: { quota: "bytes" } });
    await expect(anything.append(id, "s", "x".repeat(2_000))).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    await anything.update(id, () => "small");
    await anything.append(id, "s", "x".repeat(2_000));
  });

  test("a record cannot gather names of counters and streams without end", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    await basket.update(id, (_draft, tx) => {
      for (let n = 0; n < 1_000; n++) tx.increment(`c${n}`);
    });
    await expect(basket.increment(id, "another")).rejects.toMatchObject({
      code: "QUOTA_EXCEEDED",
      details: { quota: "counters" },
    });
    expect((await basket.increment(id, "c5")).value).toBe(2);
  });

  test("increments stay within their bounds and the safe integers", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    const spent = await Promise.allSettled(Array.from({ length: 30 }, () => basket.increment(id, "n", 1, { max: 10 })));
    expect(spent.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    expect((await basket.increment(id, "m", Number.MAX_SAFE_INTEGER)).value).toBe(Number.MAX_SAFE_INTEGER);
    await expect(basket.increment(id, "m", 1)).rejects.toMatchObject({ code: "OUT_OF_BOUNDS" });
    for (const by of [0.5, Number.NaN, 2 ** 53]) {
      await expect(basket.increment(id, "n", by)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    await expect(basket.increment(id, "")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

import { describe, expect, test } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import type { Principal } from "../security/principal.ts";
import { kind } from "./kind.ts";
import { notFoundText } from "./refusals.ts";

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
// eslint-disable-next-line typescript/explicit-module-boundary-types
async function open(backing: Backing) {
  return await holdfast({ store: await backing.open(), kinds, reap: false });
}

describe.each(backings)("records on %s", (_name, makeBacking) => {
  test("a record is created, read, updated, patched, listed and destroyed", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const made = await basket.create({ items: ["tea"] });
    expect(made.id).toMatch(/^basket_[\w-]{22}$/);
    expect(made.version).toBe(1);
    const updated = await basket.update(made.id, (draft) => {
      draft.items.push("milk");
    });
    expect(updated.version).toBe(2);
    const patched = await basket.patch(made.id, { note: "urgent" });
    expect(patched.value).toEqual({ items: ["tea", "milk"], note: "urgent" });
    expect(await basket.get(made.id)).toMatchObject({ version: 3, value: patched.value });
    const without = await basket.patch(made.id, { note: null });
    expect(without.value).toEqual({ items: ["tea", "milk"] });
    const { records } = await basket.list();
    expect(records).toMatchObject([{ id: made.id, version: 4, fields: { items: 2 } }]);
    expect(await basket.destroy(made.id)).toBe(true);
    expect(await basket.destroy(made.id)).toBe(false);
    expect((await basket.list()).records).toEqual([]);
  });

  test("unknown, malformed, ended, expired and foreign handles get one and the same answer from every method", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const foreign = (await hold.state(mallory).basket.create()).id;
    const ended = (await basket.create()).id;
    await basket.destroy(ended);
    const expired = (await basket.create()).id;
    backing.clock.advance(25 * 3_600_000);
    const fresh = (await hold.state(mallory).basket.create()).id;
    const handles = [
      "basket_unknown",
      "",
      "basket_",
      "../x",
      "basket_\0",
      "__proto__",
      "x".repeat(500),
      "note_a",
      foreign,
      fresh,
      ended,
      expired,
    ];
    for (const id of handles) {
      const calls = [
        basket.get(id),
        basket.update(id, () => undefined),
        basket.patch(id, { note: "x" }),
        basket.update(id, () => undefined, { ifVersion: 1 }),
        basket.increment(id, "n"),
        basket.append(id, "log", 1),
        basket.events(id, "log"),
      ];
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({
          status: "rejected",
          reason: { code: "NOT_FOUND", message: notFoundText, details: {} },
        });
      }
      expect(await basket.destroy(id)).toBe(false);
    }
    expect(await hold.state(mallory).basket.get(fresh)).toMatchObject({ version: 1 });
  });

  test("an update joins document, events and counters in one commit, or changes nothing at all", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    const view = await basket.update(id, (draft, tx) => {
      draft.items.push("a");
      tx.append("log", { added: "a" });
      tx.increment("items");
    });
    expect([view.version, view.heads.get("log"), view.counters.get("items")]).toEqual([2, 1, 1]);
    const refused = basket.update(id, (draft, tx) => {
      draft.items.push("b");
      tx.append("log", { added: "b" });
      tx.increment("items", 1, { max: 1 });
    });
    await expect(refused).rejects.toMatchObject({ code: "OUT_OF_BOUNDS" });
    const thrown = basket.update(id, (draft, tx) => {
      draft.items.push("c");
      tx.append("log", 1);
      throw new TypeError("no");
    });
    await expect(thrown).rejects.toThrow(TypeError);
    const now = await basket.get(id);
    expect([now.version, now.value.items, now.heads.get("log"), now.counters.get("items")]).toEqual([2, ["a"], 1, 1]);
  });

  test("a transaction kept beyond its function takes nothing more", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    let kept: { append(stream: string, event: unknown): void } | undefined;
    await basket.update(id, (_draft, tx) => {
      kept = tx;
    });
    expect(() => kept?.append("log", 1)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("ifVersion conflicts name both versions, run nothing twice and change nothing", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    await basket.patch(id, { note: "1" });
    let runs = 0;
    const conflicting = basket.update(id, () => void runs++, { ifVersion: 1 });
    await expect(conflicting).rejects.toMatchObject({ code: "CONFLICT", details: { expected: 1, actual: 2 } });
    expect(runs).toBe(0);
    await expect(basket.destroy(id, { ifVersion: 1 })).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await basket.patch(id, { note: "2" }, { ifVersion: 2 })).toMatchObject({ version: 3 });
    expect(await basket.destroy(id, { ifVersion: 3 })).toBe(true);
  });

  test("an update that changes nothing makes no version, and is still conditional where it appends", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create({ items: ["a"] });
    expect(await basket.update(id, () => undefined)).toMatchObject({ version: 1 });
    expect(await basket.patch(id, { items: ["a"] })).toMatchObject({ version: 1 });
    let first = true;
    const raced = await basket.update(id, async (draft, tx) => {
      tx.append("seen", draft.items);
      if (!first) return;
      first = false;
      // Another process changes what this function has just looked at.
      await (await holdfast({ store: await backing.open(), kinds, reap: false }))
        .state(alice)
        .basket.patch(id, { items: ["b"] });
    });
    expect([raced.version, raced.value.items, raced.heads.get("seen")]).toEqual([2, ["b"], 1]);
    expect((await basket.events(id, "seen")).events.map(({ payload }) => payload)).toEqual([["b"]]);
    expect(hold.counts).toMatchObject({ conflicts: 1, retries: 1 });
  });

  test("50 updates at once through two holds lose none", async () => {
    await using backing = await makeBacking();
    await using one = await open(backing);
    await using two = await open(backing);
    const { id } = await one.state(alice).basket.create();
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? one : two).state(alice).basket.update(id, async (draft) => {
          await new Promise((resolve) => setImmediate(resolve));
          draft.items.push(String(index));
        }),
      ),
    );
    const versions = results.map(({ version }) => version).sort((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 50 }, (_, index) => index + 2));
    const { value } = await one.state(alice).basket.get(id);
    expect(new Set(value.items).size).toBe(50);
  });

  test("who is beaten to it every time gives up with CONTENTION, within seconds, having changed nothing", async () => {
    await using backing = await makeBacking();
    await using one = await open(backing);
    await using two = await open(backing);
    const { id } = await one.state(alice).basket.create();
    let runs = 0;
    const beaten = one.state(alice).basket.update(id, async (draft) => {
      runs += 1;
      draft.note = "never";
      await two.state(alice).basket.update(id, (other) => void other.items.push("x"));
    });
    await expect(beaten).rejects.toMatchObject({ code: "CONTENTION", retryable: true });
    expect((await two.state(alice).basket.get(id)).value).toEqual({ items: Array.from({ length: runs }, () => "x") });
    expect(one.counts).toMatchObject({ conflicts: runs, retries: runs - 1 });
  });

  test("a named record that is made and ended all the while is always either there or made", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const note = hold.state(alice).note.open("busy");
    const work = Array.from({ length: 60 }, (_, index) => (index % 3 === 0 ? note.destroy() : note.get()));
    for (const outcome of await Promise.allSettled(work)) expect(outcome.status).toBe("fulfilled");
  });

  test("a handle outlives a change of its kind's prefix", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { id } = await hold.state(alice).basket.create();
    const Renamed = kind("basket", { schema: Basket.schema, prefix: "bsk" });
    await using later = await holdfast({ store: await backing.open(), kinds: [Renamed], reap: false });
    expect(await later.state(alice).basket.get(id)).toMatchObject({ id, version: 1 });
  });

  test("local callers of one record wait in line and cause no conflicts", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        basket.update(id, (draft) => {
          order.push(index);
          draft.items.push("x");
        }),
      ),
    );
    expect(order).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(hold.counts.conflicts).toBe(0);
  });

  test("20 callers of two holds who open one name, or the principal's record, at once meet one record", async () => {
    await using backing = await makeBacking();
    await using one = await open(backing);
    await using two = await open(backing);
    const of = (index: number) => (index % 2 === 0 ? one : two).state(alice);
    const many = Array.from({ length: 20 }, (_, index) => index);
    const views = await Promise.all(many.map((index) => of(index).note.open("same").get()));
    expect(new Set(views.map(({ id, version }) => `${id}@${version}`)).size).toBe(1);
    await Promise.all(many.map((index) => of(index).profile.update((draft) => void draft.visits++)));
    expect((await one.state(alice).profile.get()).value.visits).toBe(20);
    await Promise.all(many.map((index) => of(index).note.open("other").increment("n")));
    expect((await one.state(alice).note.open("other").get()).counters.get("n")).toBe(20);
    await Promise.all(many.map((index) => of(index).note.open("log").append("s", index)));
    expect((await two.state(alice).note.open("log").events("s")).events).toHaveLength(20);
    const names = (await one.state(alice).note.list()).records.map(({ name }) => name);
    expect(new Set(names)).toEqual(new Set(["log", "other", "same"]));
    expect((await one.state(mallory).note.list()).records).toEqual([]);
  });

  test("a named record keeps its name through updates, and begins anew after its end with a higher version", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const note = hold.state(alice).note.open("naïve ✓ __proto__");
    const before = await note.update((draft) => {
      draft.text = "x";
    });
    expect((await hold.state(alice).note.list()).records[0]).toMatchObject({ name: "naïve ✓ __proto__", id: note.id });
    expect(await note.destroy()).toBe(true);
    const again = await note.get();
    expect(again.value.text).toBe("");
    expect(again.version).toBeGreaterThan(before.version);
    for (const name of ["", "x".repeat(129), "a\0b", "\ud800"]) {
      expect(() => hold.state(alice).note.open(name)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
  });

  test("events are paged both ways, and a cursor from before the oldest kept is an error", async () => {
    await using backing = await makeBacking();
    const Log = kind("log", { schema: z.object({}), limits: { maxEventsKept: 10 } });
    await using hold = await holdfast({ store: await backing.open(), kinds: [Log], reap: false });
    const { log } = hold.state(alice);
    const { id } = await log.create();
    expect(await log.events(id, "s", { after: 0 })).toEqual({ events: [], head: 0, first: 1, more: false });
    for (let n = 1; n <= 25; n++) expect((await log.append(id, "s", { n })).position).toBe(n);
    const page = await log.events(id, "s", { limit: 4 });
    expect([page.events.map(({ position }) => position), page.head, page.first, page.more]).toEqual([
      [16, 17, 18, 19],
      25,
      16,
      true,
    ]);
    const newest = await log.events(id, "s", { limit: 2, order: "newest" });
    expect(newest.events.map(({ payload }) => payload)).toEqual([{ n: 25 }, { n: 24 }]);
    expect((await log.events(id, "s", { after: 15 })).events).toHaveLength(10);
    await expect(log.events(id, "s", { after: 14 })).rejects.toMatchObject({
      code: "REPLAY_WINDOW_EXCEEDED",
      details: { stream: "s", after: 14, first: 16 },
    });
    await expect(log.events(id, "s", { limit: 0 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(log.append(id, "s", 1, { expectedHead: 24 })).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await log.append(id, "s", 1, { expectedHead: 25 })).toMatchObject({ position: 26 });
  });

  test("reading keeps a record alive up to its absolute lifetime, and writes only when a slide is due", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id, expiresAt } = await basket.create();
    backing.clock.advance(3_600_000);
    const early = await basket.get(id);
    expect(early.expiresAt).toEqual(expiresAt);
    for (let hours = 0; hours < 29 * 24; hours += 20) {
      backing.clock.advance(20 * 3_600_000);
      const before = backing.clock.now();
      const slid = await basket.get(id);
      expect(slid.version).toBe(1);
      expect(slid.expiresAt?.getTime()).toBeGreaterThan(before);
    }
    backing.clock.advance(24 * 3_600_000);
    await expect(basket.get(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("events, increments and appends keep a record alive as well", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const note = hold.state(alice).note.open("n");
    const { version } = await note.get();
    const uses = [
      () => note.events("s"),
      () => note.increment("c"),
      () => note.append("s", 1),
      () => note.update(() => undefined),
    ];
    for (const use of [...uses, ...uses]) {
      backing.clock.advance(45 * 60_000);
      await use();
    }
    expect((await note.get()).version).toBe(version);
  });

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

  test("who gives up is let go, while waiting and after the function, and changes nothing", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    const blocker = new AbortController();
    const waiter = new AbortController();
    let entered: (() => void) | undefined;
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const first = basket.update(
      id,
      async (draft) => {
        draft.items.push("never");
        entered?.();
        await new Promise((resolve) => blocker.signal.addEventListener("abort", resolve));
      },
      { signal: blocker.signal },
    );
    await inside;
    const second = basket.update(id, (draft) => void draft.items.push("second"), { signal: waiter.signal });
    const third = basket.update(id, (draft) => void draft.items.push("third"));
    waiter.abort(new Error("bored"));
    await expect(second).rejects.toMatchObject({ code: "ABORTED", cause: { message: "bored" } });
    blocker.abort();
    await expect(first).rejects.toMatchObject({ code: "ABORTED" });
    expect((await third).value.items).toEqual(["third"]);
    await expect(basket.get(id, { signal: blocker.signal })).rejects.toMatchObject({ code: "ABORTED" });
  });
});

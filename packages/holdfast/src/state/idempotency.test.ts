import { describe, expect, test } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import type { Principal } from "../security/principal.ts";
import { kind } from "./kind.ts";

const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "test", subject: "bob", scopes: [] };
const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }) });
const Other = kind("other", { schema: z.object({}) });
const Note = kind("note", { schema: z.object({ n: z.number().default(0) }), scope: "named" });
const kinds = [Basket, Other, Note] as const;

// Only inference can name a hold of exactly these kinds.
const open = async (backing: Backing) => await holdfast({ store: await backing.open(), kinds, reap: false });
const once = (key: string, intent?: unknown) => ({ idempotency: { key, intent } });

describe.each(backings)("idempotency on %s", (_name, makeBacking) => {
  test("a repeated creation gives the same handle, and another intent is found out", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const first = await basket.create({ items: ["a"] }, once("k"));
    const again = await basket.create({ items: ["a"] }, once("k"));
    expect(again.id).toBe(first.id);
    await basket.patch(first.id, { items: ["changed"] });
    expect(await basket.create({ items: ["a"] }, once("k"))).toMatchObject({ id: first.id, version: 2 });
    await expect(basket.create({ items: ["b"] }, once("k"))).rejects.toMatchObject({ code: "COMMIT_ID_REUSED" });
    expect((await basket.list()).records).toHaveLength(1);
    expect(await hold.usage(alice)).toMatchObject({ records: 1 });
    await basket.destroy(first.id);
    await expect(basket.create({ items: ["a"] }, once("k"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("20 parallel creations of one key through two holds make one record", async () => {
    await using backing = await makeBacking();
    await using one = await open(backing);
    await using two = await open(backing);
    const views = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : two).state(alice).basket.create({}, once("same"))),
    );
    expect(new Set(views.map(({ id }) => id)).size).toBe(1);
    expect((await one.state(alice).basket.list()).records).toHaveLength(1);
  });

  test("a key is free again in another kind, operation, record and principal", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket, other } = hold.state(alice);
    const a = await basket.create({}, once("k"));
    const b = await basket.create({}, once("k2"));
    expect((await other.create({}, once("k"))).id).toMatch(/^other_/);
    expect((await hold.state(bob).basket.create({}, once("k"))).id).not.toBe(a.id);
    for (const { id } of [a, b]) {
      expect(await basket.increment(id, "n", 2, once("k"))).toMatchObject({ value: 2, replayed: false });
      expect(await basket.append(id, "s", 1, once("k"))).toMatchObject({ position: 1, replayed: false });
      expect(await basket.patch(id, { items: ["x"] }, once("k"))).toMatchObject({ version: 2 });
    }
  });

  test("a repeated increment or append answers what the first one did, whatever happened since", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    const event = { b: 1, a: [2] };
    expect(await basket.increment(id, "n", 5, once("i"))).toEqual({ version: 1, value: 5, replayed: false });
    expect(await basket.append(id, "s", event, once("a"))).toEqual({ version: 1, position: 1, replayed: false });
    await basket.increment(id, "n", 5);
    await basket.append(id, "s", 2);
    expect(await basket.increment(id, "n", 5, once("i"))).toEqual({ version: 1, value: 5, replayed: true });
    // The order of members is no part of the intent.
    expect(await basket.append(id, "s", { a: [2], b: 1 }, once("a"))).toEqual({
      version: 1,
      position: 1,
      replayed: true,
    });
    await expect(basket.increment(id, "n", 6, once("i"))).rejects.toMatchObject({ code: "COMMIT_ID_REUSED" });
    await expect(basket.append(id, "s", 3, once("a"))).rejects.toMatchObject({ code: "COMMIT_ID_REUSED" });
    expect((await basket.get(id)).counters.get("n")).toBe(10);
    expect((await basket.events(id, "s")).head).toBe(2);
  });

  test("a repeated update does not run its function, even over a document that has moved on", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    let runs = 0;
    const add = async (intent: string) =>
      await basket.update(
        id,
        (draft) => {
          runs += 1;
          draft.items.push(intent);
        },
        once("u", { add: intent }),
      );
    expect(await add("x")).toMatchObject({ version: 2 });
    await basket.patch(id, { items: ["y"] });
    expect(await add("x")).toMatchObject({ version: 3, value: { items: ["y"] } });
    await expect(add("z")).rejects.toMatchObject({ code: "COMMIT_ID_REUSED" });
    expect(runs).toBe(1);
  });

  test("an update that changes nothing is remembered too", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    let runs = 0;
    for (let repeat = 0; repeat < 3; repeat++) await basket.update(id, () => void runs++, once("u"));
    expect(runs).toBe(1);
  });

  test("30 parallel repeats through two holds have one effect", async () => {
    await using backing = await makeBacking();
    await using one = await open(backing);
    await using two = await open(backing);
    const { id } = await one.state(alice).basket.create();
    const each = Array.from({ length: 30 }, (_, n) => (n % 2 === 0 ? one : two).state(alice));
    const counted = await Promise.all(each.map(({ basket }) => basket.increment(id, "n", 1, once("i"))));
    expect(counted.map(({ value }) => value)).toEqual(Array(30).fill(1));
    expect(counted.filter(({ replayed }) => !replayed)).toHaveLength(1);
    const updated = await Promise.all(
      each.map(({ basket }) => basket.update(id, (draft) => void draft.items.push("x"), once("u"))),
    );
    expect(updated.map(({ version, value }) => [version, value.items])).toEqual(
      Array.from({ length: 30 }, () => [2, ["x"]]),
    );
    // Whose function ran does not matter: everyone is told what was kept.
    const differing = await Promise.all(
      each.map(({ basket }, n) => basket.update(id, async (draft) => void draft.items.push(`mine is ${n}`), once("v"))),
    );
    expect(new Set(differing.map(({ value }) => JSON.stringify(value))).size).toBe(1);
    const named = await Promise.all(each.map(({ note }) => note.open("n").increment("n", 1, once("i"))));
    expect(named.map(({ value }) => value)).toEqual(Array(30).fill(1));
  });

  test("a refused change is not remembered: it may be tried again", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    await basket.increment(id, "n", 1);
    await expect(basket.increment(id, "n", 1, { max: 1, ...once("i") })).rejects.toMatchObject({
      code: "OUT_OF_BOUNDS",
    });
    await basket.increment(id, "n", -1);
    expect(await basket.increment(id, "n", 1, { max: 1, ...once("i") })).toMatchObject({ value: 1, replayed: false });
    const failing = basket.update(id, () => Promise.reject(new Error("no")), once("u"));
    await expect(failing).rejects.toThrow("no");
    expect(await basket.update(id, (draft) => void draft.items.push("x"), once("u"))).toMatchObject({ version: 2 });
  });

  test("a repeat after the record has ended answers what needs no view, and says NOT_FOUND where a view is needed", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create({}, once("c"));
    const calls = {
      increment: () => basket.increment(id, "n", 2, once("i")),
      append: () => basket.append(id, "s", 1, once("a")),
      update: () => basket.update(id, (draft) => void draft.items.push("x"), once("u")),
      patch: () => basket.patch(id, { items: ["y"] }, once("p")),
      create: () => basket.create({}, once("c")),
    };
    for (const call of Object.values(calls)) await call();
    await basket.destroy(id);
    expect(await calls.increment()).toEqual({ version: 1, value: 2, replayed: true });
    expect(await calls.append()).toEqual({ version: 1, position: 1, replayed: true });
    for (const call of [calls.update, calls.patch, calls.create]) {
      await expect(call()).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });

  test("the version a change depends on is part of what is asked for, for update and patch as for destroy", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    const at = (ifVersion: number, key: string, intent?: unknown) => ({ ifVersion, ...once(key, intent) });
    const calls: readonly ((ifVersion: number) => Promise<unknown>)[] = [
      (version) => basket.update(id, (draft) => void draft.items.push("x"), at(version, "u")),
      (version) => basket.patch(id, { items: ["y"] }, at(version, "p")),
      (version) => basket.destroy(id, at(version, "d")),
    ];
    for (const [index, call] of calls.entries()) {
      await call(index + 1);
      if (index < 2) expect(await call(index + 1)).toMatchObject({ version: index + 2 });
      await expect(call(index + 2)).rejects.toMatchObject({ code: "COMMIT_ID_REUSED" });
    }
    // Who says what is asked for decides what is part of it.
    const { id: other } = await basket.create();
    await basket.patch(other, { items: ["z"] }, at(1, "p", "set z"));
    expect(await basket.patch(other, { items: ["z"] }, at(2, "p", "set z"))).toMatchObject({ version: 2 });
  });

  test("a destroyed record answers true again to the same key, and false to another", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const { id } = await basket.create();
    expect(await basket.destroy(id, once("d"))).toBe(true);
    expect(await basket.destroy(id, once("d"))).toBe(true);
    expect(await basket.destroy(id, once("e"))).toBe(false);
  });

  test("keys are remembered for 24 hours and are 1 to 128 characters", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { basket } = hold.state(alice);
    const first = await basket.create({}, once("k"));
    backing.clock.advance(23.9 * 3_600_000);
    expect((await basket.create({}, once("k"))).id).toBe(first.id);
    backing.clock.advance(0.2 * 3_600_000);
    const second = await basket.create({}, once("k"));
    expect(second.id).not.toBe(first.id);
    expect((await basket.create({}, once("k"))).id).toBe(second.id);
    for (const key of ["", "x".repeat(129)]) {
      await expect(basket.increment(first.id, "n", 1, once(key))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    await expect(basket.increment(first.id, "n", 1, once("\0🦊__proto__"))).resolves.toMatchObject({ value: 1 });
  });
});

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

  test("a handle outlives a change of its kind's prefix", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { id } = await hold.state(alice).basket.create();
    const Renamed = kind("basket", { schema: Basket.schema, prefix: "bsk" });
    await using later = await holdfast({ store: await backing.open(), kinds: [Renamed], reap: false });
    expect(await later.state(alice).basket.get(id)).toMatchObject({ id, version: 1 });
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
    const none = { events: [], head: 0, first: 1, more: false, incarnation: 1 };
    expect(await log.events(id, "s", { after: 0 })).toEqual(none);
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

  test("a cursor of an ended record of the same name is an error, not a silent gap in the new one", async () => {
    await using backing = await makeBacking();
    const Log = kind("log", { schema: z.object({}), scope: "named" });
    await using hold = await holdfast({ store: await backing.open(), kinds: [Log], reap: false });
    const log = hold.state(alice).log.open("l");
    expect(await log.events("s")).toEqual({ events: [], head: 0, first: 1, more: false });
    for (let n = 1; n <= 5; n++) await log.append("s", n);
    const { head: after, incarnation } = await log.events("s");
    expect(incarnation).toBeTypeOf("number");
    await log.destroy();
    const gone = { code: "REPLAY_WINDOW_EXCEEDED", details: { stream: "s", after: 5, head: 0 } };
    await expect(log.events("s", { after })).rejects.toMatchObject(gone);
    await expect(log.events("s", { incarnation })).rejects.toMatchObject({ code: "REPLAY_WINDOW_EXCEEDED" });
    for (let n = 1; n <= 2; n++) await log.append("s", n);
    await expect(log.events("s", { after })).rejects.toMatchObject({ details: { after: 5, head: 2 } });
    await expect(log.events("s", { after, order: "newest" })).rejects.toMatchObject({ details: { head: 2 } });
    for (let n = 3; n <= 8; n++) await log.append("s", n);
    // From here on only the incarnation tells that positions 1 to 5 were never seen.
    await expect(log.events("s", { after, incarnation })).rejects.toMatchObject({ details: { after: 5, head: 8 } });
    const anew = await log.events("s");
    expect(anew.events.map(({ payload }) => payload)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(anew.incarnation).toBeGreaterThan(incarnation ?? Number.POSITIVE_INFINITY);
    expect((await log.events("s", { after: 8, incarnation: anew.incarnation })).events).toEqual([]);
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
});

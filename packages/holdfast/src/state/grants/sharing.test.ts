import { describe, expect, test } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { onceScope } from "../call-context.ts";
import { eventSourced } from "../events/kind.ts";
import { kind } from "../kind.ts";
import { servingHold } from "../open-hold.ts";
import { maxShares } from "./records.ts";

const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "test", subject: "bob", scopes: [] };
const mallory: Principal = { issuer: "test", subject: "mallory", scopes: [] };

const Basket = kind("basket", {
  schema: z.object({ items: z.array(z.string()).default([]) }),
  index: ({ items }) => ({ size: items.length }),
});
const Note = kind("note", { scope: "named", schema: z.object({ text: z.string().default("") }) });
const Flow = eventSourced("flow", {
  initial: { done: [] as string[] },
  events: { done: z.object({ step: z.string() }) },
  evolve: (flow, { payload }) => void flow.done.push(payload.step),
  snapshotEvery: 2,
});
const kinds = [Basket, Note, Flow] as const;
const open = async (backing: Backing) => await holdfast({ store: await backing.open(), kinds, reap: false });
const done = (step: string) => ({ type: "done", payload: { step } }) as const;
const errorOf = async (attempt: Promise<unknown>): Promise<unknown> =>
  await attempt.then(
    (value) => ({ unexpected: value }),
    (error: unknown) => error,
  );

describe.each(backings)("sharing on %s", (_name, makeBacking) => {
  test("lets the other read, under the grant's own handle, and change nothing", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).basket;
    const theirs = hold.state(bob).basket;
    const { id } = await mine.create({ items: ["tea"] });
    const given = await mine.share(id, { with: bob, access: "read" });
    expect(given).toEqual({
      grant: expect.stringMatching(/^grt_[\w-]{22}$/) as string,
      with: { issuer: "test", subject: "bob" },
      access: "read",
      createdAt: expect.any(Date) as Date,
    });
    const seen = await theirs.get(given.grant);
    expect(seen).toMatchObject({ id: given.grant, kind: "basket", version: 1, value: { items: ["tea"] } });
    expect(JSON.stringify(seen)).not.toContain(id);
    await mine.append(id, "log", "one");
    expect((await theirs.events(given.grant, "log")).events).toMatchObject([{ payload: "one" }]);
    const forbidden = [
      () => theirs.update(given.grant, (b) => void b.items.push("x")),
      () => theirs.patch(given.grant, { items: [] }),
      () => theirs.increment(given.grant, "n"),
      () => theirs.append(given.grant, "log", "x"),
      () => theirs.share(given.grant, { with: mallory, access: "read" }),
      () => theirs.lock(given.grant),
    ];
    for (const attempt of forbidden) expect(await errorOf(attempt())).toMatchObject({ code: "FORBIDDEN" });
    expect(await theirs.destroy(given.grant)).toBe(false);
    expect(await mine.get(id)).toMatchObject({ version: 1, value: { items: ["tea"] } });
  });

  test("lets the other write, side by side with its owner, and no change is lost", async () => {
    await using backing = await makeBacking();
    await using one = await open(backing);
    await using two = await open(backing);
    const mine = one.state(alice).basket;
    const theirs = two.state(bob).basket;
    const { id } = await mine.create();
    const { grant } = await mine.share(id, { with: bob, access: "write" });
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        if (n % 2 === 0) await mine.update(id, (b) => void b.items.push(`a${n}`));
        else await theirs.update(grant, (b) => void b.items.push(`b${n}`));
      }),
    );
    await Promise.all(Array.from({ length: 10 }, () => theirs.increment(grant, "n", 2)));
    const { value, counters } = await mine.get(id);
    expect(new Set(value.items).size).toBe(20);
    expect(counters.get("n")).toBe(20);
    expect(await two.usage(bob)).toMatchObject({ records: 0 });
  });

  test("is nothing at all to anybody else, and to the receiver under any other kind", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { id } = await hold.state(alice).basket.create({ items: ["secret"] });
    const { grant } = await hold.state(alice).basket.share(id, { with: bob, access: "write" });
    const { basket } = hold.state(mallory);
    const unknown = await errorOf(basket.get("basket_nothing"));
    expect(unknown).toMatchObject({ code: "NOT_FOUND" });
    const attempts = [
      () => basket.get(grant),
      () => basket.update(grant, () => undefined),
      () => basket.increment(grant, "n"),
      () => basket.append(grant, "log", 1),
      () => basket.events(grant, "log"),
      () => basket.get(id),
      () => hold.state(bob).note.get(grant),
      () => hold.state(bob).flow.get(grant),
      () => hold.state(alice).basket.get(grant),
      () => hold.state(bob).basket.get(`${grant}x`),
      () => hold.state(bob).basket.get("grt_"),
    ];
    for (const attempt of attempts) expect(await errorOf(attempt())).toEqual(unknown);
    expect(await basket.revoke(grant)).toBe(false);
    expect(await hold.state(bob).note.revoke(grant)).toBe(false);
    expect((await basket.shared()).grants).toEqual([]);
    expect((await basket.grants(id)).grants).toEqual([]);
    expect((await hold.state(bob).basket.get(grant)).value.items).toEqual(["secret"]);
  });

  test("ends at once when it is revoked, also for what is under way", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).basket;
    const theirs = hold.state(bob).basket;
    const { id } = await mine.create();
    const unknown = await errorOf(theirs.get("basket_nothing"));
    const { grant } = await mine.share(id, { with: bob, access: "write" });
    await theirs.increment(grant, "n", 1, { idempotency: { key: "k" } });
    // The change was read for and decided while the grant stood; it is committed when it does not.
    const late = theirs.update(grant, async (b) => {
      expect(await mine.revoke(grant)).toBe(true);
      b.items.push("late");
    });
    expect(await errorOf(late)).toEqual(unknown);
    const attempts = [
      () => theirs.get(grant),
      () => theirs.increment(grant, "n"),
      // A repetition is no way around it.
      () => theirs.increment(grant, "n", 1, { idempotency: { key: "k" } }),
      () => theirs.append(grant, "log", 1),
      () => theirs.events(grant, "log"),
    ];
    for (const attempt of attempts) expect(await errorOf(attempt())).toEqual(unknown);
    expect(await mine.get(id)).toMatchObject({ version: 1, value: { items: [] } });
    expect(await mine.revoke(grant)).toBe(false);
    expect((await theirs.shared()).grants).toEqual([]);
    const again = await mine.share(id, { with: bob, access: "read" });
    expect(again.grant).not.toBe(grant);
    expect(await errorOf(theirs.get(grant))).toEqual(unknown);
  });

  test("a blind change that meets the revocation in the store itself is refused there", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).basket;
    const { id } = await mine.create();
    const { grant } = await mine.share(id, { with: bob, access: "write" });
    const { store } = servingHold(hold);
    const commit = store.commit.bind(store);
    let revoked = false;
    store.commit = async (owner, changes, options) => {
      // Between everything that was looked at and the commit itself.
      if (!revoked && options?.fence !== undefined) {
        revoked = true;
        expect(await mine.revoke(grant)).toBe(true);
      }
      return await commit(owner, changes, options);
    };
    try {
      expect(await errorOf(hold.state(bob).basket.increment(grant, "n"))).toMatchObject({ code: "NOT_FOUND" });
    } finally {
      store.commit = commit;
    }
    expect(revoked).toBe(true);
    expect((await mine.get(id)).counters.get("n")).toBeUndefined();
  });

  test("ends by itself where it was told to, by the store's clock, and with the record", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).basket;
    const theirs = hold.state(bob).basket;
    const { id } = await mine.create();
    const short = await mine.share(id, { with: bob, access: "read", expires: "1h" });
    const long = await mine.share(id, { with: bob, access: "read" });
    expect(short.expiresAt?.getTime()).toBe(short.createdAt.getTime() + 3_600_000);
    backing.clock.advance(3_600_001);
    expect(await errorOf(theirs.get(short.grant))).toMatchObject({ code: "NOT_FOUND" });
    expect((await theirs.get(long.grant)).version).toBe(1);
    await mine.destroy(id);
    expect(await errorOf(theirs.get(long.grant))).toMatchObject({ code: "NOT_FOUND" });
    await expect(mine.share(id, { with: bob, access: "read" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("is of one record and not of a later one of its name", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { note } = hold.state(alice);
    const { id } = await note.open("plan").get();
    const { grant } = await note.share(id, { with: bob, access: "write" });
    const theirs = hold.state(bob).note;
    await Promise.all(Array.from({ length: 10 }, () => theirs.append(grant, "log", "x")));
    await theirs.update(grant, (n) => void (n.text = "shared"));
    expect(await note.open("plan").get()).toMatchObject({ value: { text: "shared" } });
    await note.open("plan").destroy();
    await note.open("plan").update((n) => void (n.text = "private"));
    for (const attempt of [
      () => theirs.get(grant),
      () => theirs.append(grant, "log", "y"),
      () => theirs.events(grant, "log"),
      () => theirs.update(grant, (n) => void (n.text = "taken")),
    ]) {
      expect(await errorOf(attempt())).toMatchObject({ code: "NOT_FOUND" });
    }
    expect((await note.open("plan").events("log")).events).toEqual([]);
  });

  test("of event-sourced records keeps who did what, and the grant it was done by", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).flow;
    const theirs = hold.state(bob).flow;
    const { id } = await mine.create([done("begin")]);
    const { grant } = await mine.share(id, { with: bob, access: "write" });
    for (let n = 0; n < 5; n++) await theirs.append(grant, done(`b${n}`), { agent: "helper" });
    expect(await theirs.decide(grant, ({ done: all }) => done(`after ${all.length}`))).toMatchObject({
      position: 7,
      view: { id: grant },
    });
    expect((await theirs.at(grant, 1)).value.done).toEqual(["begin"]);
    const { events } = await mine.history(id, { agent: "helper" });
    expect(events).toHaveLength(5);
    expect(events[0]?.by).toEqual({ agent: "helper", grant });
    const readOnly = await mine.share(id, { with: bob, access: "read" });
    expect((await theirs.get(readOnly.grant)).value.done).toHaveLength(7);
    expect((await theirs.history(readOnly.grant)).events).toHaveLength(7);
    for (const attempt of [() => theirs.append(readOnly.grant, done("x")), () => theirs.repair(readOnly.grant)]) {
      expect(await errorOf(attempt())).toMatchObject({ code: "FORBIDDEN" });
    }
  });

  test("is listed by both sides, of one record and one kind, and given up by the receiver", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).basket;
    const theirs = hold.state(bob).basket;
    const { id } = await mine.create();
    const other = await mine.create();
    const first = await mine.share(id, { with: bob, access: "read" });
    const second = await mine.share(id, { with: mallory, access: "write" });
    await mine.share(other.id, { with: bob, access: "write" });
    expect((await mine.grants(id)).grants).toEqual([second, first]);
    expect((await theirs.shared({ limit: 1 })).grants).toHaveLength(1);
    expect((await theirs.shared()).grants).toHaveLength(2);
    expect(await theirs.revoke(first.grant)).toBe(true);
    expect((await mine.grants(id)).grants).toEqual([second]);
    expect(await errorOf(theirs.get(first.grant))).toMatchObject({ code: "NOT_FOUND" });
    expect(await hold.usage(alice)).toMatchObject({ byKind: { basket: 2, grant: 2 } });
  });

  test("a key of the receiver's is nobody else's", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).basket;
    const { id } = await mine.create();
    const { grant } = await mine.share(id, { with: bob, access: "write" });
    const once = { idempotency: { key: "same" } };
    expect(await mine.increment(id, "n", 1, once)).toMatchObject({ value: 1, replayed: false });
    expect(await hold.state(bob).basket.increment(grant, "n", 1, once)).toMatchObject({ value: 2, replayed: false });
    expect(await hold.state(bob).basket.increment(grant, "n", 1, once)).toMatchObject({ value: 2, replayed: true });
    expect(await mine.increment(id, "n", 1, once)).toMatchObject({ value: 1, replayed: true });
  });

  test("a call that counts once counts once here too", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).basket;
    const { id } = await mine.create();
    const { grant } = await mine.share(id, { with: bob, access: "write" });
    const call = async () =>
      await servingHold(hold).withinCall({ once: onceScope("call", "") }, async () => {
        const theirs = hold.state(bob).basket;
        await theirs.update(grant, (b) => void b.items.push("once"));
        return await theirs.increment(grant, "n");
      });
    expect(await call()).toMatchObject({ value: 1, replayed: false });
    expect(await call()).toMatchObject({ value: 1, replayed: true });
    expect(await mine.get(id)).toMatchObject({ value: { items: ["once"] } });
  });

  test("what makes no sense is refused, and leaves nothing with anybody", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).basket;
    const { id } = await mine.create();
    const wrong: readonly object[] = [
      { with: alice, access: "read" },
      { with: bob, access: "own" },
      { with: { issuer: "", subject: "x" }, access: "read" },
      { with: { issuer: "holdfast", subject: "nodes" }, access: "read" },
      { with: bob, access: "read", expires: "soon" },
    ];
    for (const options of wrong) {
      // @ts-expect-error: what the types refuse has to be refused at run time as well.
      await expect(mine.share(id, options)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    await expect(mine.share("basket_x", { with: bob, access: "read" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    const fence = { name: "l", token: 1 };
    const { grant } = await mine.share(id, { with: bob, access: "write" });
    const fenced = hold.state(bob).basket.increment(grant, "n", 1, { fence });
    await expect(fenced).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect((await mine.grants(id)).grants).toHaveLength(1);
    expect((await hold.state(bob).basket.shared()).grants).toHaveLength(1);
  });

  test("grants that lapsed by themselves do not keep others away", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).basket;
    const { id } = await mine.create();
    for (let n = 0; n < 3; n++) await mine.share(id, { with: bob, access: "read", expires: "1m" });
    const { store } = servingHold(hold);
    const owner = ownerOfPrincipal(bob);
    const shares = { kind: "holdfast.shares", id: "all" };
    // As if the rest had lapsed long ago and been reaped.
    const counters = [{ name: "count", by: maxShares - 3 }];
    await store.commit(owner, [{ ...shares, expect: "present", counters }]);
    backing.clock.advance(60_001);
    await mine.share(id, { with: bob, access: "read" });
    expect((await store.read(owner, shares)).record?.counters.get("count")).toBe(1);
    expect((await hold.state(bob).basket.shared()).grants).toHaveLength(1);
  });

  test("nobody can be buried under grants", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const mine = hold.state(alice).basket;
    const { id } = await mine.create();
    await mine.share(id, { with: bob, access: "read" });
    for (let n = 1; n < maxShares; n += 50) {
      await Promise.all(
        Array.from({ length: Math.min(50, maxShares - n) }, () => mine.share(id, { with: bob, access: "read" })),
      );
    }
    await expect(mine.share(id, { with: bob, access: "read" })).rejects.toMatchObject({ code: "FORBIDDEN" });
    // The giver keeps nothing of it either.
    expect((await hold.usage(alice)).byKind["grant"]).toBe(maxShares);
    const [received] = (await hold.state(bob).basket.shared()).grants;
    expect(await hold.state(bob).basket.revoke(received?.grant ?? "")).toBe(true);
    await mine.share(id, { with: bob, access: "read" });
  });
});

import { describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import { openStore } from "../open.ts";
import { localUser, type Principal } from "../security/principal.ts";
import type { HoldOptions } from "./hold.ts";
import { kind } from "./kind.ts";
import { servingHold } from "./open-hold.ts";

const Basket = kind("basket", { schema: z.object({}), idle: "1h" });

describe("holdfast()", () => {
  test.each<[string, unknown, string, RegExp]>([
    ["an unknown option", { store: "memory:", kind: [] }, "INVALID_ARGUMENT", /did you mean "kinds"/],
    [
      "an unknown limit",
      { store: "memory:", limits: { maxSesions: 1 } },
      "INVALID_ARGUMENT",
      /did you mean "maxSessions"/,
    ],
    ["a limit that is none", { store: "memory:", limits: { maxBytes: 0 } }, "INVALID_ARGUMENT", /maxBytes/],
    ["a duration that is none", { store: "memory:", sessions: { idle: "soon" } }, "INVALID_ARGUMENT", /sessions\.idle/],
    ["an unknown session option", { store: "memory:", sessions: { idel: "1h" } }, "INVALID_ARGUMENT", /"idle"/],
    ["a batch that is none", { store: "memory:", reap: { batch: 0 } }, "INVALID_ARGUMENT", /reap\.batch/],
    ["two kinds of one name", { store: "memory:", kinds: [Basket, Basket] }, "INVALID_ARGUMENT", /two kinds/],
    [
      "two kinds of one prefix",
      { store: "memory:", kinds: [Basket, kind("bin", { schema: z.object({}), prefix: "basket" })] },
      "INVALID_ARGUMENT",
      /both have the prefix/,
    ],
    [
      "the prefix of sessions",
      { store: "memory:", kinds: [kind("x", { schema: z.object({}), prefix: "ses" })] },
      "INVALID_ARGUMENT",
      /"session" and "x"/,
    ],
    [
      "a kind that kind() did not make",
      { store: "memory:", kinds: [{ ...Basket }] },
      "INVALID_ARGUMENT",
      /made by kind/,
    ],
    ["a kind that is none", { store: "memory:", kinds: [undefined] }, "INVALID_ARGUMENT", /made by kind/],
    ["an unknown store", { store: "sqllite:./x.db" }, "CONFIGURATION", /did you mean "sqlite:".*memory:, sqlite:/],
    ["a path without a scheme", { store: "./state.db" }, "CONFIGURATION", /sqlite:PATH/],
    ["an inherited name as a store", { store: "constructor:x" }, "CONFIGURATION", /no store/],
    ["a store without a place", { store: "sqlite:" }, "CONFIGURATION", /path of a file/],
    ["a place for memory", { store: "memory:x" }, "CONFIGURATION", /takes nothing/],
  ])("refuses %s", async (_what, options, code, message) => {
    const opening = holdfast(options as HoldOptions);
    await expect(opening).rejects.toMatchObject({ code });
    await expect(opening).rejects.toThrow(message);
  });

  test("an unknown store's error says nothing of what follows the scheme", async () => {
    await expect(openStore("postgres://user:secret@host/db")).rejects.not.toThrow(/secret/);
  });

  test("works without kinds, and closes the store it opened", async () => {
    const hold = await holdfast({ store: "memory:" });
    expect(await hold.sessions(localUser).create()).toMatchObject({ version: 1 });
    expect((await hold.health()).ok).toBe(true);
    await Promise.all([hold.close(), hold.close()]);
    await expect(hold.health()).rejects.toMatchObject({ code: "CLOSED" });
    await expect(hold.sessions(localUser).create()).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe.each(backings)("a hold on %s", (_name, makeBacking) => {
  test("leaves a store that it was given open, and answers CLOSED itself", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    const hold = await holdfast({ store, kinds: [Basket] });
    const { id } = await hold.state(localUser).basket.create();
    await hold.close();
    expect((await store.health()).ok).toBe(true);
    const { basket } = hold.state(localUser);
    const calls = [
      basket.get(id),
      basket.create(),
      basket.increment(id, "n"),
      basket.list(),
      basket.destroy(id),
      hold.usage(localUser),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "CLOSED" } });
    }
    await using again = await holdfast({ store, kinds: [Basket], reap: false });
    expect(await again.state(localUser).basket.get(id)).toMatchObject({ version: 1 });
  });

  test("refuses a principal without an identity, which everyone else without one would share", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), kinds: [Basket], reap: false });
    for (const odd of [{}, { issuer: "a" }, { issuer: "a", subject: "" }, { issuer: 1, subject: "a" }]) {
      const principal = { ...odd, scopes: [] } as unknown as Principal;
      expect(() => hold.state(principal)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
      expect(() => hold.sessions(principal)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
      await expect(hold.usage(principal)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });

  test("refuses a principal that would share the engine's own partitions", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), kinds: [Basket], reap: false });
    const engine: Principal = { issuer: "holdfast", subject: "nodes", scopes: [] };
    const refusal = expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining("holdfast") });
    expect(() => hold.state(engine)).toThrow(refusal);
    expect(() => hold.sessions(engine)).toThrow(refusal);
    await expect(hold.usage(engine)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(() => hold.state({ ...engine, issuer: "https://holdfast" })).not.toThrow();
  });

  test("gives nobody it was handed to the store, or a way to name an owner", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    await using hold = await holdfast({ store, kinds: [Basket], reap: false });
    const reachable = new Set<unknown>();
    for (let at: unknown = hold; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
      for (const name of Reflect.ownKeys(at as object)) reachable.add(name);
    }
    const names = [
      "state",
      "sessions",
      "usage",
      "health",
      "counts",
      "onEnded",
      "stepUps",
      "close",
      Symbol.asyncDispose,
    ];
    expect([...reachable]).toEqual(
      expect.arrayContaining([...names, "traits", "kinds", "limits", "sessionLifetime", "constructor"]),
    );
    expect(reachable.size).toBe(names.length + 5);
    expect(Object.values(hold)).not.toContain(store);
    expect(hold.traits).toBe(store.traits);
    expect(Object.keys(Basket).sort()).toEqual(["id", "index", "name", "schema", "scope"]);
    // The serving layer has its own way in, which leads nowhere from anything else.
    expect(servingHold(hold).store).toBe(store);
    for (const other of [{ ...hold }, Object.create(hold) as typeof hold]) {
      expect(() => servingHold(other)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
  });

  test("reaps what has expired by itself, batch after batch, and tells its listeners", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({
      store: await backing.open(),
      kinds: [Basket],
      reap: { every: "10ms", batch: 3 },
    });
    const { basket } = hold.state(localUser);
    const ids = await Promise.all(Array.from({ length: 10 }, async () => (await basket.create()).id));
    const ended: string[] = [];
    const stop = hold.onEnded(({ kind: name, id, cause }) => {
      ended.push(`${name} ${id} ${cause}`);
      throw new Error("a listener that fails");
    });
    const silent = vi.fn<() => void>();
    hold.onEnded(silent)();
    backing.clock.advance(2 * 3_600_000);
    await vi.waitUntil(() => hold.counts.reaped === 10, { timeout: 5_000, interval: 5 });
    expect(ended.sort()).toEqual(ids.map((id) => `basket ${id} expired`).sort());
    expect(silent).not.toHaveBeenCalled();
    stop();
  });

  test("hears of sessions that another process ended", async () => {
    await using backing = await makeBacking();
    await using one = await holdfast({ store: await backing.open(), reap: false });
    await using two = await holdfast({ store: await backing.open(), reap: false });
    const heard: string[] = [];
    one.onEnded(({ id }) => void heard.push(id));
    const { id } = await one.sessions(localUser).create();
    await two.sessions(localUser).open(id).end();
    // A store that shares a file only knows that something changed: who caches has to look.
    if (backing.hintsCarryText) await vi.waitUntil(() => heard.includes(id), { timeout: 5_000, interval: 5 });
    expect(new Set(heard).size).toBe(heard.length);
  });
});

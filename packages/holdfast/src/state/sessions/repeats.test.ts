import { describe, expect, test } from "vitest";

import { backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import type { Principal } from "../../security/principal.ts";

const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };

describe.each(backings)("repeats of a session's changes on %s", (_name, makeBacking) => {
  test("deleting a key that was never there is false, and false again to a repeat, even if it is there by then", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), reap: false });
    const { id } = await hold.sessions(alice).create();
    const session = hold.sessions(alice).open(id);
    const once = (key: string) => ({ idempotency: { key } });
    expect(await session.delete("k", once("missing"))).toBe(false);
    expect(await session.delete("k", once("missing"))).toBe(false);
    await session.set("k", 1);
    expect(await session.delete("k", once("missing"))).toBe(false);
    expect(await session.get("k")).toMatchObject({ value: 1 });
    expect(await session.delete("k", once("there"))).toBe(true);
    expect(await session.delete("k", once("there"))).toBe(true);
    await session.record("a");
    expect(await session.delete("k", once("missing too"))).toBe(false);
    expect(await session.delete("k", once("missing too"))).toBe(false);
    expect(await session.delete("k")).toBe(false);
    expect(await session.view()).toMatchObject({ version: 3, totalEvents: 1, counters: new Map() });
  });

  test("a repeat after the session has ended answers what it did, except for a view", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), reap: false });
    const { id } = await hold.sessions(alice).create();
    const session = hold.sessions(alice).open(id);
    const once = { idempotency: { key: "k" } };
    const calls = [
      () => session.set("a", 1, once),
      () => session.delete("a", once),
      () => session.increment("n", 1, once),
      () => session.record("x", null, once),
      () => session.clear(once),
    ];
    const first: unknown[] = [];
    for (const call of calls) first.push(await call());
    await session.setPreference("p", 1, once);
    await session.end();
    for (const [index, call] of calls.entries()) {
      const answer = first[index];
      expect(await call()).toEqual(typeof answer === "object" ? { ...answer, replayed: true } : answer);
    }
    await expect(session.setPreference("p", 1, once)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(session.set("b", 1, { idempotency: { key: "new" } })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

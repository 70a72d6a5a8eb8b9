import { describe, expect, test, vi } from "vitest";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import type { Hold } from "../hold.ts";
import { servingHold } from "../open-hold.ts";
import {
  connectionEnd,
  connectionSlide,
  mintSessionId,
  sessionCreation,
  transportCreation,
  transportKind,
} from "./connection.ts";

const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };
const mallory: Principal = { issuer: "test", subject: "mallory", scopes: [] };
const owner = ownerOfPrincipal(alice);
const hour = 3_600_000;

async function open(backing: Backing): Promise<Hold<readonly []>> {
  return await holdfast({ store: await backing.open(), reap: false });
}

async function connect(
  hold: Hold,
  idleMs: number = hold.sessionLifetime.idleMs,
  id: string = mintSessionId(),
): Promise<string> {
  const lifetime = { ...hold.sessionLifetime, idleMs };
  const committed = await servingHold(hold).store.commit(
    owner,
    [
      sessionCreation(id, { label: "wire" }, lifetime, { connection: true, maxBytes: 1_000 }),
      transportCreation(id, { text: "{}" }, lifetime),
    ],
    { quota: servingHold(hold).sessionQuota },
  );
  expect(committed.ok).toBe(true);
  return id;
}

describe.each(backings)("sessions on %s", (_name, makeBacking) => {
  test("keep a summary that tools set and read, and that clearing takes away", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { id } = await hold.sessions(alice).create();
    const session = hold.sessions(alice).open(id);
    expect(await session.summary()).toBeUndefined();
    expect(await session.summarize("began")).toEqual({ version: 2, replayed: false });
    await Promise.all(Array.from({ length: 10 }, () => session.summarize((before) => `${before}.`)));
    expect(await session.summary()).toBe("began..........");
    expect((await session.context()).view.value.summary).toBe("began..........");
    for (const summary of ["x".repeat(16_385), 5, null]) {
      // @ts-expect-error: what the types refuse has to be refused at run time as well.
      await expect(session.summarize(summary)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    await session.clear();
    expect(await session.summary()).toBeUndefined();
    await session.summarize("anew");
    await session.summarize(undefined);
    expect(await session.summary()).toBeUndefined();
    await expect(hold.sessions(mallory).open(id).summary()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("data, preferences, counters and actions are kept and seen together", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const sessions = hold.sessions(alice);
    const made = await sessions.create({ label: "mine", metadata: { a: [1] } });
    expect(made).toMatchObject({
      kind: "session",
      version: 1,
      totalEvents: 0,
      value: { label: "mine", metadata: { a: [1] } },
    });
    expect(made.id).toMatch(/^ses_[\w-]{22}$/);
    const session = sessions.open(made.id);
    expect(await session.set("b", { deep: [null] })).toEqual({ version: 2, replayed: false });
    expect(await session.set("a", null)).toEqual({ version: 3, replayed: false });
    expect(await session.get("a")).toEqual({ value: null, version: 3 });
    expect(await session.get("missing")).toBeUndefined();
    expect(await session.get("toString")).toBeUndefined();
    expect(await session.keys()).toEqual(["a", "b"]);
    expect(await session.delete("b")).toBe(true);
    expect(await session.delete("b")).toBe(false);
    expect((await session.setPreference("theme", "dark")).value.preferences).toEqual({ theme: "dark" });
    expect(await session.increment("visits", 2)).toMatchObject({ value: 2 });
    expect(await session.increment("zero", 1)).toMatchObject({ value: 1 });
    expect(await session.increment("zero", -1)).toMatchObject({ value: 0 });
    expect(await session.record("looked", { at: "x" })).toMatchObject({ position: 1, totalEvents: 1 });
    expect(await session.record("left")).toMatchObject({ position: 2, totalEvents: 2 });
    const { view, events, turns } = await session.context();
    expect(view.counters).toEqual(new Map([["visits", 2]]));
    expect(view.totalEvents).toBe(2);
    expect(events).toMatchObject([
      { position: 1, type: "looked", payload: { at: "x" } },
      { position: 2, type: "left", payload: null },
    ]);
    expect(turns).toEqual([]);
    const { records } = await sessions.list();
    expect(records).toMatchObject([{ id: made.id, label: "mine", totalEvents: 2, counters: new Map([["visits", 2]]) }]);
    expect((await hold.sessions(mallory).list()).records).toEqual([]);
    await expect(hold.sessions(mallory).open(made.id).view()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("odd keys and values stay plain data", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const session = hold.sessions(alice).open((await hold.sessions(alice).create()).id);
    const keys = ["__proto__", "constructor", "a\0b", "\ud800", "ключ 🦊", "x".repeat(128), "7", " "];
    for (const key of keys) await session.set(key, { key });
    for (const key of keys) expect(await session.get(key)).toMatchObject({ value: { key } });
    await session.setPreference("__proto__", { polluted: true });
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    expect(JSON.stringify((await session.view()).value.preferences)).toBe('{"__proto__":{"polluted":true}}');
    expect(await session.keys()).toEqual([...keys].sort());
    for (const key of keys) expect(await session.delete(key)).toBe(true);
    for (const key of ["", "x".repeat(129)]) {
      const calls = [
        session.set(key, 1),
        session.get(key),
        session.delete(key),
        session.increment(key),
        session.record(key),
      ];
      for (const outcome of await Promise.allSettled(calls)) {
        expect(outcome).toMatchObject({ status: "rejected", reason: { code: "INVALID_ARGUMENT" } });
      }
    }
    await expect(session.set("k", undefined)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(session.set("k", "x".repeat(1_048_576))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(session.record("a", "x".repeat(262_144))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(session.increment("holdfast.actions")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await expect(hold.sessions(alice).create({ label: "" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("clearing empties everything but label, metadata and id, and totals start again while positions go on", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { id } = await hold.sessions(alice).create({ label: "kept", metadata: 7 });
    const session = hold.sessions(alice).open(id);
    await session.set("k", 1);
    await session.setPreference("p", 1);
    await session.increment("n", -3);
    await session.record("one");
    await session.record("two");
    servingHold(hold).turns.record(owner, id, {
      tool: "t",
      input: {},
      outputPreview: "",
      at: new Date(0),
      durationMs: 1,
      ok: true,
    });
    await session.clear();
    const cleared = await session.context();
    expect(cleared.view.value).toEqual({ label: "kept", metadata: 7, preferences: {}, data: {} });
    expect([cleared.view.counters.size, cleared.view.totalEvents, cleared.events, cleared.turns]).toEqual([
      0,
      0,
      [],
      [],
    ]);
    expect(await session.record("three")).toMatchObject({ position: 3, totalEvents: 1 });
    expect(await session.increment("n")).toMatchObject({ value: 1 });
    expect((await hold.sessions(alice).list()).records[0]).toMatchObject({ label: "kept", totalEvents: 1 });
    const { version } = await session.view();
    await hold
      .sessions(alice)
      .open((await hold.sessions(alice).create()).id)
      .clear();
    expect((await session.view()).version).toBe(version);
  });

  test("clearing under fire loses nothing that was acknowledged after it", async () => {
    await using backing = await makeBacking();
    await using one = await open(backing);
    await using two = await open(backing);
    const { id } = await one.sessions(alice).create();
    const session = one.sessions(alice).open(id);
    for (let round = 0; round < 10; round++) {
      let cleared = false;
      let after = 0;
      const work = Array.from({ length: 5 }, async () => {
        const before = cleared;
        const { totalEvents } = await two.sessions(alice).open(id).record("x");
        if (before) after += 1;
        expect(totalEvents).toBeGreaterThan(0);
      });
      const clearing = session.clear().then(() => {
        cleared = true;
      });
      await Promise.all([...work, clearing]);
      const { view, events } = await session.context({ maxEvents: 100 });
      expect(events).toHaveLength(view.totalEvents);
      expect(view.totalEvents).toBeGreaterThanOrEqual(after);
      await session.clear();
      expect((await session.view()).totalEvents).toBe(0);
    }
  });

  test("the log keeps its newest actions, and the total counts them all", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), limits: { maxActionsKept: 5 }, reap: false });
    const { id } = await hold.sessions(alice).create();
    const session = hold.sessions(alice).open(id);
    await Promise.all(Array.from({ length: 12 }, (_, n) => session.record(`a${n}`)));
    const { view, events } = await session.context({ maxEvents: 100 });
    expect([view.totalEvents, events.length, events[0]?.position]).toEqual([12, 5, 8]);
    expect((await session.context({ maxEvents: 0, maxTurns: 0 })).events).toEqual([]);
    expect((await session.context({ maxEvents: 2 })).events.map(({ position }) => position)).toEqual([11, 12]);
    await expect(session.context({ maxEvents: -1 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("repeats with an idempotency key count once and answer the first outcome", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { id } = await hold.sessions(alice).create();
    const session = hold.sessions(alice).open(id);
    const once = { idempotency: { key: "k" } };
    const recorded = await Promise.all(Array.from({ length: 10 }, () => session.record("a", { x: 1 }, once)));
    expect(recorded.map(({ position, totalEvents }) => [position, totalEvents])).toEqual(
      Array.from({ length: 10 }, () => [1, 1]),
    );
    await session.increment("n", 2, once);
    expect(await session.increment("n", 2, once)).toMatchObject({ value: 2, replayed: true });
    await expect(session.increment("n", 3, once)).rejects.toMatchObject({ code: "COMMIT_ID_REUSED" });
    expect(await session.set("a", 1, once)).toEqual({ version: 2, replayed: false });
    await session.set("a", 2);
    expect(await session.set("a", 1, once)).toEqual({ version: 2, replayed: true });
    expect((await session.get("a"))?.value).toBe(2);
    await session.clear(once);
    await session.set("b", 1);
    await session.clear(once);
    expect(await session.keys()).toEqual(["b"]);
    const made = await hold.sessions(alice).create({ label: "l" }, once);
    expect((await hold.sessions(alice).create({ label: "l" }, once)).id).toBe(made.id);
  });

  test("a session ends once, and its handle reads like any unknown one", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { id } = await hold.sessions(alice).create();
    expect(await hold.sessions(mallory).open(id).end()).toBe(false);
    expect(await hold.sessions(alice).open("ses_nonsense").end()).toBe(false);
    expect(await hold.sessions(alice).open("").end()).toBe(false);
    const session = hold.sessions(alice).open(id);
    expect((await Promise.all([session.end(), session.end(), session.end()])).filter(Boolean)).toHaveLength(1);
    const calls = [
      session.view(),
      session.set("a", 1),
      session.record("x"),
      session.increment("n"),
      session.clear(),
      session.context(),
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "NOT_FOUND" } });
    }
  });

  test("the limit on sessions is exact under 200 parallel creations and leaves other records alone", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), limits: { maxSessions: 30 }, reap: false });
    const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => hold.sessions(alice).create()));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(30);
    await hold.sessions(mallory).create();
    const [{ id } = { id: "" }] = (await hold.sessions(alice).list({ limit: 1 })).records;
    expect(await hold.sessions(alice).open(id).end()).toBe(true);
    await hold.sessions(alice).create();
  });

  test("any successful call slides a session, up to 30 days after it began", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { id } = await hold.sessions(alice).create();
    const session = hold.sessions(alice).open(id);
    const uses = [
      () => session.view(),
      () => session.get("k"),
      () => session.set("k", 1),
      () => session.delete("k"),
      () => session.keys(),
      () => session.setPreference("p", 1),
      () => session.increment("n"),
      () => session.record("a"),
      () => session.context(),
      () => session.recentContext(1),
      () => session.clear(),
    ];
    for (const use of uses) {
      backing.clock.advance(23 * hour);
      await use();
    }
    backing.clock.advance((30 * 24 - 11 * 23) * hour);
    await expect(session.view()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a connection's session is an ordinary one that slides and ends together with its transport", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const id = await connect(hold);
    const session = hold.sessions(alice).open(id);
    expect((await hold.sessions(alice).list()).records).toMatchObject([{ id, label: "wire" }]);
    expect(await hold.usage(alice)).toMatchObject({ records: 1 });
    const transport = async () => (await servingHold(hold).store.read(owner, { kind: transportKind, id })).record;
    // Every way of using the session, with and without reading it first.
    const uses = [
      () => session.view(),
      () => session.increment("n"),
      () => session.set("k", 1),
      () => session.record("a"),
      () => session.context(),
    ];
    for (const use of uses) {
      backing.clock.advance(20 * hour);
      await use();
      // A change made without reading finds out only afterwards that it slid, and the transport follows.
      const apartMs = Number((await session.view()).expiresAt) - Number((await transport())?.expiresAt);
      expect(Math.abs(apartMs)).toBeLessThan(60_000);
    }
    expect((await session.set("k", 2)).version).toBe(3);
    expect((await session.view()).value.label).toBe("wire");
    backing.clock.advance(20 * hour);
    expect((await servingHold(hold).store.commit(owner, connectionSlide(id))).ok).toBe(true);
    const ended: string[] = [];
    const stop = hold.onEnded(({ kind, id: gone, cause }) => ended.push(`${kind} ${gone} ${cause}`));
    expect(await session.end()).toBe(true);
    expect(await transport()).toBeUndefined();
    expect(ended).toEqual([`session ${id} ended`, `${transportKind} ${id} ended`]);
    stop();
  });

  test("whoever ends a session at the moment it is made ends it whole, or not at all", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { store } = servingHold(hold);
    const read = store.read.bind(store);
    const id = mintSessionId();
    let isMade = false;
    store.read = async (...given) => {
      const answer = await read(...given);
      if (!isMade && given[1].id === id) {
        isMade = true;
        await connect(hold, hour, id);
      }
      return answer;
    };
    const transport = async () => (await read(owner, { kind: transportKind, id })).record;
    const session = hold.sessions(alice).open(id);
    expect(await session.end()).toBe(false);
    expect([(await session.view()).id, (await transport())?.id]).toEqual([id, id]);
    expect(await session.end()).toBe(true);
    expect(await transport()).toBeUndefined();
  });

  test("a connection's session of its own, shorter lifetime takes its transport along as well", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const id = await connect(hold, hour);
    const session = hold.sessions(alice).open(id);
    for (let n = 0; n < 8; n++) {
      backing.clock.advance(0.6 * hour);
      await session.increment("n");
    }
    expect((await servingHold(hold).store.read(owner, { kind: transportKind, id })).record).toBeDefined();
    const commits = vi.spyOn(servingHold(hold).store, "commit");
    for (let n = 0; n < 5; n++) await session.increment("n");
    expect(commits).toHaveBeenCalledTimes(5);
    backing.clock.advance(1.1 * hour);
    await expect(session.view()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("a connection's session outlives a transport that is gone, and can still be used and ended", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const id = await connect(hold);
    const session = hold.sessions(alice).open(id);
    await servingHold(hold).store.commit(owner, [{ kind: transportKind, id, expect: "present", end: true }]);
    for (const use of [() => session.view(), () => session.set("k", 1), () => session.increment("n")]) {
      backing.clock.advance(20 * hour);
      await use();
    }
    expect(await session.end()).toBe(true);
    const other = await connect(hold);
    expect((await servingHold(hold).store.commit(owner, connectionEnd(other))).ok).toBe(true);
    expect(await hold.sessions(alice).open(other).end()).toBe(false);
  });
});

import { describe, expect, test } from "vitest";
import * as z from "zod";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { localUser, type Principal } from "../../security/principal.ts";
import { around } from "../../store/around.ts";
import type { Hold } from "../hold.ts";
import { kind } from "../kind.ts";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }) });
const Profile = kind("profile", { schema: z.object({ name: z.string().default("") }), scope: "principal" });
const kinds = [Basket, Profile] as const;
const mallory: Principal = { issuer: "test", subject: "mallory", scopes: [] };

async function open(backing: Backing): Promise<Hold<typeof kinds>> {
  return await holdfast({ store: await backing.open(), kinds, reap: false });
}

describe.each(backings)("locks on %s", (_name, makeBacking) => {
  test("a lock is held by one, and the next one's token is higher", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    await using elsewhere = await open(backing);
    const { state, other } = { state: hold.state(localUser), other: elsewhere.state(localUser) };
    const first = await state.lock("build");
    await expect(other.lock("build")).rejects.toMatchObject({ code: "CONTENTION", retryable: true });
    await expect(state.lock("build")).rejects.toMatchObject({ code: "CONTENTION" });
    expect(hold.counts.locks).toBe(1);
    expect(await first.release()).toBe(true);
    expect(hold.counts.locks).toBe(0);
    const second = await other.lock("build");
    expect(second.token).toBeGreaterThan(first.token);
    // Another caller's lock of the same name is another lock.
    await (await hold.state(mallory).lock("build")).release();
  });

  test("tokens go on growing across expiry, release and the removal of what is left", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    await using hold = await holdfast({ store, kinds, reap: false });
    const state = hold.state(localUser);
    let last = 0;
    for (let round = 0; round < 12; round++) {
      const lock = await state.lock("build", { ttlMs: 1_000 });
      expect(lock.token).toBeGreaterThan(last);
      last = lock.token;
      if (round % 3 === 0) await lock.release();
      else backing.clock.advance(1_001);
      if (round % 2 === 0) expect((await store.admin.reap({ limit: 100 })).removed.length).toBeGreaterThan(0);
    }
  });

  test("renewing or releasing by anyone but the holder is false and changes nothing", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const state = hold.state(localUser);
    const gone = await state.lock("build", { ttlMs: 1_000 });
    backing.clock.advance(1_001);
    expect([await gone.renew(), await gone.release()]).toEqual([false, false]);
    const lock = await state.lock("build", { ttlMs: 5_000 });
    for (const token of [gone.token, lock.token + 1]) {
      const impostor = state.heldLock({ name: "build", token });
      expect([await impostor.renew({ ttlMs: 60_000 }), await impostor.release()]).toEqual([false, false]);
    }
    expect(await hold.state(mallory).heldLock(lock).release()).toBe(false);
    // Nobody has made it live longer, and nobody has ended it.
    backing.clock.advance(4_000);
    await expect(state.lock("build")).rejects.toMatchObject({ code: "CONTENTION" });
    const { token } = lock;
    expect(await state.heldLock({ name: "build", token }).renew({ ttlMs: 5_000 })).toBe(true);
    backing.clock.advance(4_000);
    expect(await lock.renew()).toBe(true);
    expect(Number(lock.expiresAt)).toBeCloseTo(backing.clock.now() + 5_000, -3);
    backing.clock.advance(5_001);
    await (await state.lock("build")).release();
  });

  test("a change under a fence is made only while the lock stands, whatever change it is", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    await using elsewhere = await open(backing);
    const { basket, profile, heldLock, lock } = hold.state(localUser);
    const session = hold.sessions(localUser).open((await hold.sessions(localUser).create()).id);
    const { id } = await basket.create({ items: ["kept"] });
    const { id: spare } = await basket.create();
    const held = await lock("build", { ttlMs: 1_000 });
    const changes = (fence: { name: string; token: number }) => [
      () => basket.update(id, (draft) => void draft.items.push("more"), { fence }),
      () => basket.update(id, () => undefined, { fence }),
      () => basket.patch(id, { items: ["other"] }, { fence }),
      () => basket.increment(id, "n", 1, { fence }),
      () => basket.append(id, "log", 1, { fence }),
      () => basket.create({}, { fence }),
      () => profile.update((draft) => void (draft.name = "x"), { fence }),
      () => profile.increment("n", 1, { fence }),
      () => session.set("k", 1, { fence }),
      () => session.record("x", null, { fence }),
      () => session.clear({ fence }),
      () => basket.destroy(spare, { fence }),
    ];
    const [update] = changes(held);
    await update?.();
    backing.clock.advance(1_001);
    // Refused as soon as the time is over, although nobody else has it; and when somebody has, before that one writes.
    for (const change of changes(held)) await expect(change()).rejects.toMatchObject({ code: "FENCED" });
    const next = await elsewhere.state(localUser).lock("build");
    for (const change of changes(held)) await expect(change()).rejects.toMatchObject({ code: "FENCED" });
    const unborn = heldLock({ name: "build", token: next.token + 1 });
    for (const change of changes(unborn)) await expect(change()).rejects.toMatchObject({ code: "FENCED" });
    const { value, counters, heads } = await basket.get(id);
    expect([value.items, counters.size, heads.size]).toEqual([["kept", "more"], 0, 0]);
    expect((await basket.list()).records).toHaveLength(2);
    expect((await session.view()).value.data).toEqual({});
    for (const change of changes(next)) await change();
  });

  test("a record's lock is the lock of its kind and handle, and needs the record", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const state = hold.state(localUser);
    const { id } = await state.basket.create();
    const lock = await state.basket.lock(id);
    expect(lock.name).toBe(`basket:${id}`);
    await expect(state.lock(`basket:${id}`)).rejects.toMatchObject({ code: "CONTENTION" });
    await state.basket.update(id, (draft) => void draft.items.push("x"), { fence: lock });
    await lock.release();
    await state.basket.destroy(id);
    for (const gone of [id, "bsk_unknown", ""]) {
      await expect(state.basket.lock(gone)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    await expect(hold.state(mallory).basket.lock(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    // One that is made on first use may be locked before.
    await state.profile.withLock({}, async (fence) => {
      await state.profile.update((draft) => void (draft.name = "me"), { fence });
    });
    expect((await state.profile.get()).value.name).toBe("me");
  });

  test("withLock gives the lock back, also when the work fails, and renews it while it goes on", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const state = hold.state(localUser);
    const failing = state.withLock("build", {}, () => Promise.reject(new Error("on purpose")));
    await expect(failing).rejects.toThrow("on purpose");
    const expiries = new Set<number>();
    const done = await state.withLock("build", { ttlMs: 300 }, async (lock, signal) => {
      const until = performance.now() + 5_000;
      while (expiries.size < 3 && performance.now() < until) {
        expiries.add(Number(lock.expiresAt));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return signal.aborted;
    });
    expect([done, expiries.size]).toEqual([false, 3]);
    await (await state.lock("build")).release();
  });

  test("withLock tells its work that the lock is lost", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const state = hold.state(localUser);
    const reason = await state.withLock("build", { ttlMs: 200 }, async (_lock, signal) => {
      backing.clock.advance(1_000);
      await using _next = await state.lock("build");
      return await new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason)));
    });
    expect(reason).toMatchObject({ code: "FENCED" });
  });

  test("who gave up while the lock was being granted leaves nobody's lock behind", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    const cancel = new AbortController();
    const late = around(store, {
      commit: async (...given) => {
        const committed = await store.commit(...given);
        cancel.abort();
        return committed;
      },
    });
    await using hold = await holdfast({ store: late, kinds: [], reap: false });
    await expect(hold.state(localUser).lock("build", { signal: cancel.signal })).rejects.toMatchObject({
      code: "ABORTED",
    });
    expect(hold.counts.locks).toBe(0);
    await (await hold.state(localUser).lock("build")).release();
  });

  test("who waits gets the lock when it is released, and gives up in time otherwise", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    await using elsewhere = await open(backing);
    const lock = await hold.state(localUser).lock("build");
    const since = performance.now();
    await expect(elsewhere.state(localUser).lock("build", { waitMs: 50 })).rejects.toMatchObject({
      code: "CONTENTION",
    });
    expect(performance.now() - since).toBeGreaterThanOrEqual(50);
    const cancel = new AbortController();
    const cancelled = elsewhere.state(localUser).lock("build", { waitMs: 60_000, signal: cancel.signal });
    const waiting = elsewhere.state(localUser).lock("build", { waitMs: 60_000 });
    const here = hold.state(localUser).lock("build", { waitMs: 60_000 });
    cancel.abort();
    await expect(cancelled).rejects.toMatchObject({ code: "ABORTED" });
    await lock.release();
    const first = await Promise.race([waiting, here]);
    expect(first.token).toBeGreaterThan(lock.token);
    await first.release();
    const both = await Promise.all([waiting, here]);
    expect(both[0].token).not.toBe(both[1].token);
    await Promise.all(both.map((one) => one.release()));
    // Nobody is left standing in the line.
    await (await hold.state(localUser).lock("build")).release();
  });

  test("a holder that vanished holds nobody up for longer than its lease", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    await using elsewhere = await open(backing);
    const lost = await hold.state(localUser).lock("build", { ttlMs: 300 });
    const next = await elsewhere.state(localUser).lock("build", { waitMs: 20_000 });
    expect(next.token).toBeGreaterThan(lost.token);
  });

  test("processes that want the lock all the time get it in turn", async () => {
    await using backing = await makeBacking();
    const holds = await Promise.all([open(backing), open(backing), open(backing)]);
    const served: number[] = [];
    const rounds = 8;
    await Promise.all(
      holds.flatMap((hold, index) =>
        [0, 1].map(async () => {
          for (let round = 0; round < rounds; round++) {
            const lock = await hold.state(localUser).lock("build", { waitMs: 60_000 });
            served.push(index);
            await lock.release();
          }
        }),
      ),
    );
    expect(served).toHaveLength(holds.length * 2 * rounds);
    // While all three want it, no process is passed over for long, however quick another is to ask again.
    const busy = served.slice(0, served.length - 2 * holds.length);
    for (const index of holds.keys()) expect(longestAbsence(busy, index)).toBeLessThanOrEqual(2 * holds.length);
    await Promise.all(holds.map((hold) => hold.close()));
  });

  test("names, times and tokens that cannot be are refused", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const state = hold.state(localUser);
    const wrong = [
      () => state.lock(""),
      () => state.lock("n".repeat(257)),
      () => state.lock("n", { ttlMs: 0 }),
      () => state.lock("n", { ttlMs: 86_400_001 }),
      () => state.lock("n", { waitMs: -1 }),
      () => state.lock("n", { waitMs: 600_001 }),
      async () => state.heldLock({ name: "n", token: 0.5 }),
    ];
    for (const call of wrong) await expect(call()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    for (const name of ["lock", "channel", "once", "session"]) {
      expect(() => kind(name, { schema: z.object({}) })).toThrow(/holdfast's own/);
    }
  });

  test("locks count as records, so that nobody takes endlessly many", async () => {
    await using backing = await makeBacking();
    await using hold = await holdfast({ store: await backing.open(), limits: { maxRecords: 2 }, reap: false });
    const state = hold.state(localUser);
    const first = await state.lock("1");
    await state.lock("2");
    await expect(state.lock("3")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    await first.release();
    await state.lock("3");
  });
});

/** The most turns in a row that others had between two turns of one. */
function longestAbsence(served: readonly number[], index: number): number {
  let longest = 0;
  let current = 0;
  for (const who of served) {
    current = who === index ? 0 : current + 1;
    longest = Math.max(longest, current);
  }
  return longest;
}

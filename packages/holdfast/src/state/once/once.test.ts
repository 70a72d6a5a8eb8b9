import { describe, expect, test, vi } from "vitest";
import * as z from "zod";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { HoldfastError } from "../../record/errors.ts";
import { localUser, type Principal } from "../../security/principal.ts";
import { race } from "../../testing/race.ts";
import type { Hold } from "../hold.ts";
import { kind } from "../kind.ts";
import { servingHold } from "../open-hold.ts";
import type { RecordView } from "../types.ts";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }), idle: "24h" });
const Profile = kind("profile", { schema: z.object({ name: z.string().default("") }), scope: "principal" });
const kinds = [Basket, Profile] as const;
type TestHold = Hold<typeof kinds>;
const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };

async function open(backing: Backing): Promise<TestHold> {
  return await holdfast({ store: await backing.open(), kinds, reap: false });
}

/** What a tool might do: several changes of several records, and an answer made of what they answered. */
async function order(hold: TestHold, basket: string, item: string): Promise<Record<string, unknown>> {
  const state = hold.state(localUser);
  const sessions = hold.sessions(localUser);
  const added = await state.basket.update(basket, ({ items }) => void items.push(item));
  const again = await state.basket.update(basket, ({ items }) => void items.push(`${item}!`));
  const patched = await state.profile.patch({ name: item });
  const counted = await state.basket.increment(basket, "n", 2, { append: { stream: "log", event: item } });
  const logged = await state.basket.append(basket, "log", `${item} again`);
  const made = await state.basket.create({ items: [item] });
  const session = sessions.open((await sessions.create({ label: item })).id);
  const preferences = await session.setPreference("item", item);
  const deleted = [await session.delete("nothing"), (await session.set("k", item)).version, await session.delete("k")];
  const recorded = await session.record("ordered", { item });
  const destroyed = await state.basket.destroy(made.id);
  return JSON.parse(
    JSON.stringify([
      plain(added),
      plain(again),
      plain(patched),
      { ...counted, replayed: 0 },
      { ...logged, replayed: 0 },
      plain(made),
      plain(preferences),
      deleted,
      { ...recorded, replayed: 0 },
      destroyed,
    ]),
  ) as Record<string, unknown>;
}

function plain(view: RecordView<unknown>): unknown {
  return { ...view, counters: [...view.counters], heads: [...view.heads], expiresAt: null, touchedAt: null };
}

async function standing(hold: TestHold, basket: string): Promise<unknown> {
  const state = hold.state(localUser);
  const { value, counters, heads, version } = await state.basket.get(basket);
  const { records } = await hold.sessions(localUser).list();
  const baskets = (await state.basket.list()).records.length;
  return {
    items: value.items,
    n: counters.get("n"),
    log: heads.get("log"),
    version,
    sessions: records.length,
    baskets,
  };
}

describe.each(backings)("calls that count once on %s", (_name, makeBacking) => {
  test("a hundred at once over three nodes have one effect and a hundred equal answers", async () => {
    await using backing = await makeBacking();
    const first = await open(backing);
    const holds = [first, await open(backing), await open(backing)];
    const { id } = await first.state(localUser).basket.create();
    let runs = 0;
    const { values, errors } = await race(100, async (index) => {
      const hold = holds[index % 3] ?? first;
      const call = { name: "order", key: "k", intent: { basket: id, item: "tea" } };
      return await hold.state(localUser).once(call, async () => {
        runs += 1;
        return await order(hold, id, "tea");
      });
    });
    expect(errors).toEqual([]);
    expect(values).toHaveLength(100);
    expect(new Set(values.map((value) => JSON.stringify(value))).size).toBe(1);
    expect(runs).toBe(1);
    expect(await standing(first, id)).toMatchObject({ items: ["tea", "tea!"], n: 2, log: 2, sessions: 1, baskets: 1 });
    await Promise.all(holds.map((hold) => hold.close()));
  });

  test("the same key asked for something else is refused, under way or done; other callers and names have theirs", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    await using other = await open(backing);
    const call = { name: "order", key: "k", intent: { item: "tea" } };
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    let entered = false;
    const running = hold.state(localUser).once(call, async () => {
      entered = true;
      await gate;
      return 1;
    });
    const otherIntent = { ...call, intent: { item: "milk" } };
    await vi.waitFor(() => expect(entered).toBe(true), { timeout: 10_000 });
    for (const either of [hold, other]) {
      await expect(either.state(localUser).once(otherIntent, async () => 2)).rejects.toMatchObject({
        code: "COMMIT_ID_REUSED",
      });
    }
    go();
    expect(await running).toBe(1);
    for (const either of [hold, other]) {
      await expect(either.state(localUser).once(otherIntent, async () => 2)).rejects.toMatchObject({
        code: "COMMIT_ID_REUSED",
      });
    }
    // The order of members makes no other intent.
    expect(await other.state(localUser).once(call, async () => 2)).toBe(1);
    expect(await hold.state(alice).once(otherIntent, async () => 3)).toBe(3);
    expect(await hold.state(localUser).once({ ...otherIntent, name: "cancel" }, async () => 4)).toBe(4);
  });

  test("a repeat after a crash between effect and answer gives the first outcome, whatever happened since", async () => {
    await using backing = await makeBacking();
    const dead = await open(backing);
    await using hold = await open(backing);
    const { id } = await hold.state(localUser).basket.create({ items: ["bread"] });
    const call = { name: "order", key: "k" };
    let first: unknown;
    const crashed = dead.state(localUser).once(call, async () => {
      first = await order(dead, id, "tea");
      throw new Error("killed before the answer was stored");
    });
    await expect(crashed).rejects.toThrow("killed");
    const before = await standing(hold, id);
    await dead.close();
    // Others go on meanwhile.
    await hold.state(localUser).basket.update(id, ({ items }) => void items.reverse());
    await hold.state(localUser).basket.increment(id, "n", 40);
    await hold.state(localUser).profile.patch({ name: "somebody" });
    backing.clock.advance(20_000);

    const repeated = await hold.state(localUser).once(call, () => order(hold, id, "tea"));
    expect(repeated).toEqual(first);
    expect(await standing(hold, id)).toMatchObject({
      ...(before as object),
      items: ["tea!", "tea", "bread"],
      n: 42,
      version: 4,
    });
    // Stored by now, so that not even the function is run again.
    expect(await hold.state(localUser).once(call, () => Promise.reject(new Error("run again")))).toEqual(first);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    "a crash after commit %i of the call leaves nothing undone and nothing done twice",
    async (commits) => {
      await using backing = await makeBacking();
      const dead = await open(backing);
      await using hold = await open(backing);
      const { id } = await hold.state(localUser).basket.create();
      const store = servingHold(dead).store;
      const commit = store.commit.bind(store);
      let left = commits + 1;
      // The commit is made and its answer is lost with the process, whose later commits are never sent.
      store.commit = async (...given) => {
        if (left <= 0) throw new HoldfastError("CLOSED", "killed");
        left -= 1;
        const committed = await commit(...given);
        if (left === 0) throw new HoldfastError("CLOSED", "killed");
        return committed;
      };
      const call = { name: "order", key: "k" };
      await expect(dead.state(localUser).once(call, () => order(dead, id, "tea"))).rejects.toMatchObject({
        code: "CLOSED",
      });
      store.commit = commit;
      backing.clock.advance(20_000);
      const repeated = await hold.state(localUser).once(call, () => order(hold, id, "tea"));
      expect(await hold.state(localUser).once(call, () => order(hold, id, "tea"))).toEqual(repeated);
      expect(await standing(hold, id)).toEqual({
        items: ["tea", "tea!"],
        n: 2,
        log: 2,
        version: 3,
        sessions: 1,
        baskets: 1,
      });
    },
  );

  test("a holder of the call that was paused past its lease neither doubles the effect nor changes the answer", async () => {
    await using backing = await makeBacking();
    await using paused = await open(backing);
    await using hold = await open(backing);
    const { id } = await hold.state(localUser).basket.create();
    const call = { name: "order", key: "k" };
    let wake: () => void = () => undefined;
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    let entered = false;
    const late = paused.state(localUser).once(call, async () => {
      entered = true;
      await asleep;
      await paused.state(localUser).basket.update(id, ({ items }) => void items.push("tea"));
      return "late";
    });
    await vi.waitFor(() => expect(entered).toBe(true), { timeout: 10_000 });
    const taken = vi.waitFor(async () => {
      backing.clock.advance(20_000);
      return await hold.state(localUser).once({ ...call, waitMs: 50 }, async () => {
        await hold.state(localUser).basket.update(id, ({ items }) => void items.push("tea"));
        return "first";
      });
    });
    expect(await taken).toBe("first");
    wake();
    expect(await late).toBe("first");
    expect((await hold.state(localUser).basket.get(id)).value.items).toEqual(["tea"]);
  });

  test("what throws is not over: a repeat goes on where it failed, and others that waited try themselves", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const state = hold.state(localUser);
    const { id } = await state.basket.create();
    let runs = 0;
    const { values, errors } = await race(5, () =>
      state.once({ name: "order", key: "k" }, async () => {
        await state.basket.increment(id, "n");
        runs += 1;
        if (runs < 3) throw new Error(`fails ${runs}`);
        return runs;
      }),
    );
    expect([values, errors.length, runs]).toEqual([[3, 3, 3], 2, 3]);
    expect((await state.basket.get(id)).counters.get("n")).toBe(1);
  });

  test("a call under way elsewhere is waited for as long as told", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    await using other = await open(backing);
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    let entered = false;
    const running = hold.state(localUser).once({ name: "n", key: "k" }, async () => {
      entered = true;
      await gate;
      return "done";
    });
    await vi.waitFor(() => expect(entered).toBe(true), { timeout: 10_000 });
    await expect(
      other.state(localUser).once({ name: "n", key: "k", waitMs: 30 }, async () => "second"),
    ).rejects.toMatchObject({ code: "CONTENTION", retryable: true });
    const waiting = other.state(localUser).once({ name: "n", key: "k" }, async () => "second");
    const cancel = new AbortController();
    const given = hold.state(localUser).once({ name: "n", key: "k", signal: cancel.signal }, async () => "third");
    cancel.abort();
    await expect(given).rejects.toMatchObject({ code: "ABORTED" });
    go();
    expect(await Promise.all([running, waiting])).toEqual(["done", "done"]);
  });

  test("a key of one's own inside such a call keeps its own meaning", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const state = hold.state(localUser);
    const { id } = await state.basket.create();
    const idempotency = { key: "mine" };
    await state.basket.increment(id, "n", 1, { idempotency });
    const counted = await state.once({ name: "n", key: "k" }, () =>
      state.basket.increment(id, "n", 1, { idempotency }),
    );
    expect(counted).toMatchObject({ value: 1, replayed: true });
  });

  test("an outcome too large to be stored costs a second run and no second effect", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const state = hold.state(localUser);
    const { id } = await state.basket.create();
    const large = (): Promise<string> =>
      state.once({ name: "n", key: "k" }, async () => {
        const { value } = await state.basket.increment(id, "n");
        return `${value}${"x".repeat(300_000)}`;
      });
    expect(await large()).toBe(await large());
    expect((await state.basket.get(id)).counters.get("n")).toBe(1);
    for (const wrong of [
      { name: "", key: "k" },
      { name: "n", key: "" },
      { name: "n", key: "k".repeat(129) },
    ]) {
      await expect(state.once(wrong, async () => 1)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });
});

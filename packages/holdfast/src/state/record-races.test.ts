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

describe.each(backings)("races for records on %s", (_name, makeBacking) => {
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

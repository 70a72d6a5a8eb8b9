import { describe, expect, test } from "vitest";
import { z } from "zod";

import { backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { eventSourced } from "./kind.ts";
import { alice, bob, openFlows, step } from "./workflow.test-kit.ts";

describe.each(backings)("event-sourced records on %s", (_name, makeBacking) => {
  test("are what their events come to", async () => {
    await using backing = await makeBacking();
    await using hold = await openFlows(backing);
    const { flow } = hold.state(alice);
    const made = await flow.create([{ type: "started", payload: { name: "release" } }]);
    expect(made).toMatchObject({
      kind: "flow",
      position: 1,
      version: 1,
      value: { name: "release", done: [], total: 0 },
    });
    expect(await flow.append(made.id, step("build", 3))).toMatchObject({ first: 2, position: 2, replayed: false });
    expect(await flow.append(made.id, [step("test"), { type: "failed", payload: { message: "red" } }])).toMatchObject({
      first: 3,
      position: 4,
    });
    const read = await flow.get(made.id);
    expect(read).toMatchObject({ position: 4, value: { done: ["build", "test"], total: 4, error: "red" } });
    expect(read.counters.size).toBe(0);
    expect([...read.heads]).toEqual([["events", 4]]);
    await flow.append(made.id, { type: "resolved" });
    expect((await flow.get(made.id)).value).not.toHaveProperty("error");
    expect((await flow.list()).records).toMatchObject([{ id: made.id, position: 5 }]);
  });

  test("refuse what is no event of theirs, and append nothing of it", async () => {
    await using backing = await makeBacking();
    await using hold = await openFlows(backing);
    const { flow } = hold.state(alice);
    const { id } = await flow.create();
    const wrong = [
      { type: "stepped", payload: {} },
      { type: "__proto__", payload: {} },
      { type: "step_done", payload: { step: 5 } },
      { payload: {} },
      "started",
      null,
    ];
    for (const event of wrong) {
      // @ts-expect-error: what the types refuse has to be refused at run time as well.
      await expect(flow.append(id, [step("good"), event])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    await expect(flow.append(id, [])).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await flow.get(id)).toMatchObject({ position: 0, value: { done: [] } });
  });

  test("are told apart by who asks: a stranger meets nothing at all", async () => {
    await using backing = await makeBacking();
    await using hold = await openFlows(backing);
    const { id } = await hold.state(alice).flow.create([step("mine")]);
    const { flow } = hold.state(bob);
    const unknown = await flow.get("flow_nothing").catch((error: unknown) => error);
    const attempts = [
      () => flow.get(id),
      () => flow.append(id, step("x")),
      () => flow.decide(id, () => step("x")),
      () => flow.history(id),
      () => flow.at(id, 0),
      () => flow.at(id, new Date()),
      () => flow.repair(id),
    ];
    for (const attempt of attempts) {
      expect(await attempt().catch((error: unknown) => error)).toEqual(unknown);
    }
    expect(await flow.destroy(id)).toBe(false);
    expect((await flow.list()).records).toEqual([]);
    expect((await hold.state(alice).flow.get(id)).position).toBe(1);
  });

  test("are appended to on a condition, which names both positions where it fails", async () => {
    await using backing = await makeBacking();
    await using hold = await openFlows(backing, { snapshotEvery: 2 });
    const { flow } = hold.state(alice);
    const { id } = await flow.create([step(1), step(2), step(3)]);
    for (const expectedPosition of [0, 2, 4]) {
      const lost = flow.append(id, step("x"), { expectedPosition });
      await expect(lost).rejects.toMatchObject({
        code: "CONFLICT",
        details: { expected: expectedPosition, actual: 3 },
      });
    }
    expect(await flow.append(id, step(4), { expectedPosition: 3 })).toMatchObject({ position: 4 });
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => flow.append(id, step(`r${n}`), { expectedPosition: 4 })),
    );
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await flow.get(id)).position).toBe(5);
  });

  test("decide on what is, however many decide at once through two doors", async () => {
    await using backing = await makeBacking();
    await using one = await openFlows(backing);
    await using two = await openFlows(backing);
    const { id } = await one.state(alice).flow.create();
    const decisions = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        const { flow } = (n % 2 === 0 ? one : two).state(alice);
        // At most ten steps in all, each numbered by how many there were.
        return await flow.decide(id, ({ done }) => (done.length < 10 ? step(done.length) : undefined));
      }),
    );
    expect(decisions.filter(({ appended }) => appended === 1)).toHaveLength(10);
    expect(decisions.filter(({ appended }) => appended === 0)).toHaveLength(20);
    const { value } = await two.state(alice).flow.get(id);
    expect(value.done).toEqual(Array.from({ length: 10 }, (_, n) => String(n)));
    const decided = await one.state(alice).flow.decide(id, () => [step("a"), step("b")]);
    expect(decided).toMatchObject({ position: 12, appended: 2, view: { position: 12 } });
    expect(decided.view).toEqual(await one.state(alice).flow.get(id));
  });

  test("take no event that their value cannot take, where somebody decides", async () => {
    await using backing = await makeBacking();
    const Picky = eventSourced("picky", {
      initial: { n: 0 },
      events: { added: z.object({ by: z.number() }) },
      evolve: (value, { payload }) => {
        if (payload.by > 9) throw new Error("too much");
        value.n += payload.by;
      },
    });
    await using hold = await holdfast({ store: await backing.open(), kinds: [Picky], reap: false });
    const { picky } = hold.state(alice);
    const { id } = await picky.create([{ type: "added", payload: { by: 2 } }]);
    const tooMuch = { type: "added", payload: { by: 10 } } as const;
    await expect(picky.decide(id, () => tooMuch)).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
    await expect(picky.create([tooMuch])).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
    expect(await picky.get(id)).toMatchObject({ position: 1, value: { n: 2 } });
  });

  test("count a repetition under one key once, and give what it came to", async () => {
    await using backing = await makeBacking();
    await using hold = await openFlows(backing, { snapshotEvery: 1 });
    const { flow } = hold.state(alice);
    const once = { idempotency: { key: "k" } };
    const made = await flow.create([step(1)], once);
    expect((await flow.create([step(1)], once)).id).toBe(made.id);
    await expect(flow.create([step(2)], once)).rejects.toMatchObject({ code: "COMMIT_ID_REUSED" });
    const { id } = made;
    const results = await Promise.all(Array.from({ length: 8 }, () => flow.append(id, step(2), once)));
    expect(new Set(results.map(({ position }) => position))).toEqual(new Set([2]));
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
    await expect(flow.append(id, step(3), once)).rejects.toMatchObject({ code: "COMMIT_ID_REUSED" });
    const decided = await flow.decide(id, () => step(3), once);
    await flow.append(id, step(4));
    let ran = 0;
    const again = await flow.decide(id, () => ((ran += 1), step("never")), once);
    expect([decided.position, again.position, again.replayed, ran]).toEqual([3, 3, true, 0]);
    expect(again.view).toMatchObject({ position: 4, value: { done: ["1", "2", "3", "4"] } });
    // A decision for nothing is remembered as well.
    const nothing = { idempotency: { key: "none" } };
    expect(await flow.decide(id, () => undefined, nothing)).toMatchObject({ appended: 0, replayed: false });
    expect(await flow.decide(id, () => step("late"), nothing)).toMatchObject({ appended: 0, replayed: true });
  });

  test("are found by name, or are the principal's one, and made on first use", async () => {
    await using backing = await makeBacking();
    const added = { added: z.object({ by: z.number() }) };
    const evolve = (value: { n: number }, event: { payload: { by: number } }): void => {
      value.n += event.payload.by;
    };
    const Tally = eventSourced("tally", { scope: "named", initial: { n: 0 }, events: added, evolve, snapshotEvery: 2 });
    const Mine = eventSourced("mine", { scope: "principal", initial: { n: 0 }, events: added, evolve });
    await using hold = await holdfast({ store: await backing.open(), kinds: [Tally, Mine], reap: false });
    const { tally, mine } = hold.state(alice);
    const add = (by: number) => ({ type: "added", payload: { by } }) as const;
    expect(await tally.open("a").history()).toEqual({ events: [], position: 0, first: 1 });
    expect(await tally.open("a").at(0)).toEqual({ value: { n: 0 }, position: 0 });
    await Promise.all(Array.from({ length: 20 }, () => tally.open("a").append(add(1))));
    expect(await tally.open("a").get()).toMatchObject({ position: 20, value: { n: 20 } });
    await expect(tally.open("b").append(add(1), { expectedPosition: 1 })).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await tally.open("b").decide(({ n }) => add(n + 5))).toMatchObject({
      position: 1,
      view: { value: { n: 5 } },
    });
    expect(await tally.open("c").get()).toMatchObject({ position: 0, value: { n: 0 } });
    expect((await tally.list()).records.map(({ name }) => name)).toEqual(expect.arrayContaining(["a", "b", "c"]));
    expect(await mine.append(add(4))).toMatchObject({ position: 1 });
    expect(await mine.get()).toMatchObject({ value: { n: 4 } });
    const { incarnation } = await tally.open("a").history();
    expect(await tally.open("a").destroy()).toBe(true);
    expect(await tally.open("a").get()).toMatchObject({ position: 0, value: { n: 0 } });
    // A cursor of the one before says so, also where the one after it has come as far.
    const old = { after: 20, incarnation };
    const gone = { code: "REPLAY_WINDOW_EXCEEDED" };
    await expect(tally.open("a").history(old)).rejects.toMatchObject(gone);
    await Promise.all(Array.from({ length: 25 }, () => tally.open("a").append(add(1))));
    await expect(tally.open("a").history(old)).rejects.toMatchObject(gone);
    const now = await tally.open("a").history({ after: 20 });
    expect(now.events).toHaveLength(5);
    expect((await tally.open("a").history({ after: 20, incarnation: now.incarnation })).events).toEqual(now.events);
  });

  test("expire like others, and using them in any way keeps them", async () => {
    await using backing = await makeBacking();
    const Brief = eventSourced("brief", {
      initial: { n: 0 },
      events: { added: z.object({}) },
      evolve: (value) => void (value.n += 1),
      idle: "1h",
    });
    await using hold = await holdfast({ store: await backing.open(), kinds: [Brief], reap: false });
    const { brief } = hold.state(alice);
    const { id } = await brief.create();
    const uses = [
      () => brief.append(id, { type: "added" }),
      () => brief.get(id),
      () => brief.decide(id, () => ({ type: "added" as const })),
      () => brief.decide(id, () => undefined),
      () => brief.history(id),
    ];
    for (const use of uses) {
      backing.clock.advance(45 * 60_000);
      await use();
    }
    expect((await brief.get(id)).value).toEqual({ n: 2 });
    backing.clock.advance(61 * 60_000);
    await expect(brief.append(id, { type: "added" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(brief.get(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

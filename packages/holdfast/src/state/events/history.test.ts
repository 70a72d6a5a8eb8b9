import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";

import { backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import type { Hold } from "../hold.ts";
import { servingHold } from "../open-hold.ts";
import { eventSourced } from "./kind.ts";
import { alice, type Flow, flowKind, openFlows, step } from "./workflow.test-kit.ts";

describe.each(backings)("the history on %s", (_name, makeBacking) => {
  test("says what happened, when, and who did it, a page at a time from either end", async () => {
    await using backing = await makeBacking();
    await using hold = await openFlows(backing);
    const { flow } = hold.state(alice);
    const { id } = await flow.create([{ type: "started", payload: { name: "r" } }], { agent: "planner" });
    for (let n = 1; n <= 6; n++) await flow.append(id, step(n), { agent: n % 2 === 0 ? "even" : "odd" });
    const page = await flow.history(id, { limit: 3 });
    expect(page).toMatchObject({ position: 7, first: 1, next: 3 });
    expect(page.events[0]).toEqual({
      type: "started",
      payload: { name: "r" },
      position: 1,
      at: expect.any(Date) as Date,
      by: { agent: "planner" },
    });
    const rest = await flow.history(id, { after: 3 });
    expect(rest.events.map(({ position }) => position)).toEqual([4, 5, 6, 7]);
    expect(rest).not.toHaveProperty("next");
    const newest = await flow.history(id, { order: "newest", limit: 2 });
    expect([newest.events.map(({ position }) => position), newest.next]).toEqual([[7, 6], 6]);
    const older = await flow.history(id, { order: "newest", before: 6, after: 3 });
    expect(older.events.map(({ position }) => position)).toEqual([5, 4]);
    for (const limit of [0, 1_001, 1.5]) {
      await expect(flow.history(id, { limit })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    await expect(flow.history(id, { after: 8 })).rejects.toMatchObject({ code: "REPLAY_WINDOW_EXCEEDED" });
  });

  test("is filtered by agent, by type, and by time, also page by page", async () => {
    await using backing = await makeBacking();
    await using hold = await openFlows(backing);
    const { flow } = hold.state(alice);
    const { id } = await flow.create();
    const moments: Date[] = [];
    for (let n = 1; n <= 40; n++) {
      backing.clock.advance(1_000);
      moments.push(new Date(backing.clock.now() - 500));
      const failed = n % 10 === 0;
      const event = failed ? ({ type: "failed", payload: { message: String(n) } } as const) : step(n);
      await flow.append(id, event, { agent: n % 4 === 0 ? "four" : "other" });
      backing.clock.advance(1_000);
    }
    const positions = async (query: Parameters<typeof flow.history>[1]) =>
      (await flow.history(id, query)).events.map(({ position }) => position);
    expect(await positions({ type: "failed" })).toEqual([10, 20, 30, 40]);
    expect(await positions({ type: ["failed", "resolved"], agent: "four" })).toEqual([20, 40]);
    expect(await positions({ agent: "nobody" })).toEqual([]);
    expect(await positions({ since: moments[36] })).toEqual([37, 38, 39, 40]);
    expect(await positions({ until: moments[1] })).toEqual([1]);
    expect(await positions({ since: moments[9], until: moments[20], type: "failed" })).toEqual([10, 20]);
    const collected: number[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const page = await flow.history(id, { agent: "four", limit: 3, after });
      collected.push(...page.events.map(({ position }) => position));
      after = page.next;
    }
    expect(collected).toEqual([4, 8, 12, 16, 20, 24, 28, 32, 36, 40]);
    await expect(flow.history(id, { since: new Date(Number.NaN) })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("of large events is told in pages of what a process can hold", async () => {
    await using backing = await makeBacking();
    await using hold = await openFlows(backing, { snapshotEvery: 1_000 });
    const { flow } = hold.state(alice);
    const { id } = await flow.create();
    const message = "x".repeat(200_000);
    for (let n = 0; n < 200; n++) await flow.append(id, { type: "failed", payload: { message } });
    const first = await flow.history(id, { limit: 1_000 });
    expect(first.events.length).toBeLessThan(200);
    const rest = await flow.history(id, { limit: 1_000, after: first.next ?? 0 });
    expect(first.events.length + rest.events.length).toBe(200);
    expect(rest.next).toBeUndefined();
    const none = await flow.history(id, { agent: "nobody" });
    expect([none.events, none.next]).toEqual([[], first.next]);
  });

  test("knows the tool call an event came about in", async () => {
    await using backing = await makeBacking();
    await using hold = await openFlows(backing);
    const { flow } = hold.state(alice);
    const { id } = await flow.create();
    const { withinCall } = servingHold(hold);
    await withinCall({ tool: "ship", id: "c1", client: "desk" }, async () => {
      await new Promise(setImmediate);
      await flow.append(id, step(1), { agent: "builder" });
      await flow.decide(id, () => step(2));
    });
    await withinCall({ tool: "other", id: "c2" }, () => flow.append(id, step(3)));
    await flow.append(id, step(4));
    const { events } = await flow.history(id);
    expect(events.map(({ by }) => by)).toEqual([
      { agent: "builder", client: "desk", tool: "ship", call: "c1" },
      { client: "desk", tool: "ship", call: "c1" },
      { tool: "other", call: "c2" },
      {},
    ]);
    expect((await flow.history(id, { call: "c1" })).events).toHaveLength(2);
    expect((await flow.history(id, { client: "desk", agent: "builder" })).events).toHaveLength(1);
    expect((await flow.history(id, { tool: "other" })).events).toHaveLength(1);
    await expect(flow.append(id, step(5), { agent: "" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("shows the value at any position and at any moment", async () => {
    await using backing = await makeBacking();
    await using hold = await openFlows(backing);
    const { flow } = hold.state(alice);
    const { id, createdAt } = await flow.create();
    const moments: Date[] = [];
    for (let n = 1; n <= 23; n++) {
      backing.clock.advance(1_000);
      await flow.append(id, step(n));
      moments.push(new Date(backing.clock.now()));
      backing.clock.advance(1_000);
    }
    for (let position = 0; position <= 23; position++) {
      const past = await flow.at(id, position);
      expect([past.position, past.value.total, past.at !== undefined]).toEqual([position, position, position > 0]);
    }
    expect(await flow.at(id, createdAt)).toMatchObject({ position: 0, value: { total: 0 } });
    for (const n of [1, 7, 23]) expect((await flow.at(id, moments[n - 1] ?? createdAt)).position).toBe(n);
    expect((await flow.at(id, new Date(backing.clock.now() + 1_000_000))).position).toBe(23);
    await expect(flow.at(id, new Date(createdAt.getTime() - 1))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    for (const position of [24, -1, 1.5, Number.NaN]) {
      await expect(flow.at(id, position)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });
});

describe("events of an older program", () => {
  const older = eventSourced("order", {
    initial: { lines: [] as string[] },
    events: { added: z.object({ sku: z.string() }), noted: z.object({ text: z.string() }) },
    evolve: (value, event) => void (event.type === "added" && value.lines.push(event.payload.sku)),
    snapshotEvery: 2,
  });
  const evolve = (value: { lines: string[] }, event: { payload: { sku: string; quantity: number } }): void => {
    value.lines.push(`${event.payload.quantity} ${event.payload.sku}`);
  };
  const added = z.object({ sku: z.string(), quantity: z.number() });

  test("are brought into today's shape, step by step and from type to type; the log stays as it was", async () => {
    for (const [, makeBacking] of backings) {
      await using backing = await makeBacking();
      const store = await backing.open();
      await using before = await holdfast({ store, kinds: [older], reap: false });
      const { id } = await before.state(alice).order.create([
        { type: "added", payload: { sku: "tea" } },
        { type: "noted", payload: { text: "2 cake" } },
      ]);
      const newer = eventSourced("order", {
        initial: { lines: [] as string[] },
        events: { added },
        evolve,
        upcast: {
          added: [
            ({ type, payload }) => ({ type, payload: { ...(payload as object), count: 1 } }),
            ({ type, payload }) => {
              const { sku, count } = payload as { sku: string; count: number };
              return { type, payload: { sku, quantity: count } };
            },
          ],
          noted: [
            ({ payload }) => {
              const [quantity = "", sku] = (payload as { text: string }).text.split(" ");
              return { type: "added", payload: { sku, quantity: Number(quantity) } };
            },
          ],
        },
        snapshotVersion: 2,
        snapshotEvery: 2,
      });
      await using after = await holdfast({ store: await backing.open(), kinds: [newer], reap: false });
      const { order } = after.state(alice);
      expect((await order.get(id)).value.lines).toEqual(["1 tea", "2 cake"]);
      await order.append(id, { type: "added", payload: { sku: "jam", quantity: 3 } });
      expect((await order.get(id)).value.lines).toEqual(["1 tea", "2 cake", "3 jam"]);
      expect((await order.history(id, { type: "added" })).events.map(({ payload }) => payload)).toEqual([
        { sku: "tea", quantity: 1 },
        { sku: "cake", quantity: 2 },
        { sku: "jam", quantity: 3 },
      ]);
      // To the older program the newest event is of a version it does not know.
      await expect(before.state(alice).order.history(id)).rejects.toMatchObject({
        code: "SCHEMA_MISMATCH",
        details: { kind: "order", position: 3, type: "added" },
      });
    }
  });

  test("that nothing brings up to date are named, and nothing of them is quoted", async () => {
    await using before = await holdfast({ store: "memory:", kinds: [older] });
    const { order } = before.state(alice);
    const secret = "s3cret";
    const { id } = await order.create([{ type: "noted", payload: { text: secret } }]);
    const { store } = servingHold(before);
    const broken = eventSourced("order", {
      initial: { lines: [] as string[] },
      events: { added },
      evolve,
      upcast: {
        noted: [
          ({ payload }) => {
            throw new Error(JSON.stringify(payload));
          },
        ],
      },
      snapshotVersion: 2,
    });
    const without = eventSourced("order", {
      initial: { lines: [] as string[] },
      events: { added },
      evolve,
      snapshotVersion: 2,
    });
    const strict = eventSourced("order", {
      initial: { lines: [] as string[] },
      events: { added, noted: z.object({ text: z.number() }) },
      evolve: () => undefined,
      snapshotVersion: 2,
    });
    for (const kind of [broken, without, strict]) {
      await using hold = await holdfast({ store, kinds: [kind], reap: false });
      const error: unknown = await hold
        .state(alice)
        .order.get(id)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "SCHEMA_MISMATCH" });
      expect(String(error) + JSON.stringify(error)).not.toContain(secret);
    }
  });
});

test("a hold of any kinds is a hold", async () => {
  await using hold = await holdfast({ store: "memory:", kinds: [flowKind({})] });
  const any: Hold = hold;
  expect(any.kinds).toHaveLength(1);
  const { flow } = hold.state(alice);
  const { id } = await flow.create();
  const { events } = await flow.history(id, { type: "step_done" });
  for (const event of events) {
    // What the payload is follows from the type.
    if (event.type === "step_done") expectTypeOf(event.payload.step).toEqualTypeOf<string>();
  }
  // @ts-expect-error: there is no such event.
  await expect(flow.append(id, { type: "nothing" })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expectTypeOf((await flow.get(id)).value).toEqualTypeOf<Flow>();
});

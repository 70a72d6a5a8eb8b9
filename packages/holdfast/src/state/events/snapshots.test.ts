import { describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { ownerOfPrincipal } from "../../security/principal.ts";
import type { Store } from "../../store/contract.ts";
import { eventSourced } from "./kind.ts";
import { alice, flowKind, openFlows, step } from "./workflow.test-kit.ts";

const owner = ownerOfPrincipal(alice);

/** How far the newest snapshot is behind the newest event. */
async function distance(store: Store, id: string): Promise<number> {
  const { record } = await store.read(owner, { kind: "flow", id });
  const head = record?.streams.get("events")?.head ?? 0;
  const behind = head - (record?.documentPosition ?? 0);
  expect(record?.counters.get("holdfast.tail") ?? 0).toBe(behind);
  return behind;
}

describe.each(backings)("snapshots on %s", (_name, makeBacking) => {
  test("are never further away than the kind says, by whatever way and by however many events come", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    await using one = await openFlows(backing);
    await using two = await openFlows(backing);
    const { id } = await one.state(alice).flow.create();
    for (let wave = 0; wave < 6; wave++) {
      await Promise.all(
        Array.from({ length: 20 }, async (_, n) => {
          const { flow } = (n % 2 === 0 ? one : two).state(alice);
          if (n % 5 === 0) await flow.decide(id, () => step(`d${wave}.${n}`));
          else await flow.append(id, step(`a${wave}.${n}`));
        }),
      );
      expect(await distance(store, id)).toBeLessThanOrEqual(4);
    }
    expect(await one.state(alice).flow.get(id)).toMatchObject({ position: 120, value: { total: 120 } });
  });

  test("are written even where one append has more events than may lie between two", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    await using hold = await openFlows(backing, { snapshotEvery: 1 });
    const { flow } = hold.state(alice);
    const { id } = await flow.create();
    const many = Array.from({ length: 7 }, (_, n) => step(n));
    await flow.append(id, many);
    await flow.decide(id, () => many);
    await flow.append(id, step("last"));
    expect(await distance(store, id)).toBe(1);
    expect(await flow.get(id)).toMatchObject({ position: 15, value: { total: 15 } });
  });

  test("that an append writes behind a decision leave no lease behind that others would wait for", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    const commit = store.commit.bind(store);
    let isDue = (): void => undefined;
    const due = new Promise<void>((resolve) => {
      isDue = resolve;
    });
    const watched = vi.spyOn(store, "commit").mockImplementation(async (...given) => {
      const committed = await commit(...given);
      if (!committed.ok && committed.refusal.reason === "bounds") isDue();
      return committed;
    });
    await using hold = await holdfast({ store, kinds: [flowKind({ snapshotEvery: 4 })], reap: false });
    await using elsewhere = await openFlows(backing, { snapshotEvery: 4 });
    const { flow } = hold.state(alice);
    const { id } = await flow.create({ type: "started", payload: { name: "f" } });
    let runs = 0;
    let queued: Promise<unknown> = Promise.resolve();
    await flow.decide(id, async () => {
      runs += 1;
      // Others are first until it has the lease; then this append, which a snapshot is due for, queues behind it.
      if (runs <= 3) await elsewhere.state(alice).flow.append(id, step(runs));
      else {
        queued = flow.append(id, step("behind"));
        await due;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return step("decided");
    });
    await queued;
    expect([runs, hold.counts.updateLeases]).toEqual([4, 1]);
    const leases = await store.list(owner, "holdfast.lease", { limit: 10, order: "newest" });
    expect(leases.records).toEqual([]);
    watched.mockRestore();
  });

  test("of another version are not looked at: the value is made from the events again, and kept", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    await using before = await openFlows(backing);
    const { id } = await before.state(alice).flow.create(Array.from({ length: 10 }, (_, n) => step(n, 2)));
    await before.state(alice).flow.append(id, step("more"));
    const weigh = (snapshotVersion: number, times: number) =>
      eventSourced("flow", {
        initial: { total: 0 },
        events: { step_done: z.object({ step: z.string(), weight: z.number() }) },
        evolve: (value, { payload }) => void (value.total += payload.weight * times),
        snapshotEvery: 4,
        snapshotVersion,
      });
    await using after = await holdfast({ store: await backing.open(), kinds: [weigh(2, 10)], reap: false });
    expect((await after.state(alice).flow.get(id)).value).toEqual({ total: 210 });
    // Reading wrote it down, so that the next reader has it near.
    expect(await distance(store, id)).toBe(0);
    // The older program still comes to its own value, and does not spoil the newer one's snapshot.
    expect((await before.state(alice).flow.get(id)).value).toMatchObject({ total: 21 });
    for (let n = 0; n < 6; n++) await before.state(alice).flow.append(id, step(`old${n}`));
    const { record } = await store.read(owner, { kind: "flow", id });
    expect(record?.fields).toEqual({ $snapshot: 2 });
    expect((await after.state(alice).flow.get(id)).value).toEqual({ total: 270 });
    await after.state(alice).flow.append(id, step("new"));
    expect(await distance(store, id)).toBeLessThanOrEqual(4);
    expect((await after.state(alice).flow.get(id)).value).toEqual({ total: 280 });
  });

  test("bring back what JSON does not keep where the value has a schema, and refuse it where not", async () => {
    await using backing = await makeBacking();
    const settings = {
      initial: { last: undefined as Date | undefined },
      events: { seen: z.object({ at: z.coerce.date() }) },
      evolve: (value: { last: Date | undefined }, event: { payload: { at: Date } }) => {
        value.last = event.payload.at;
      },
      snapshotEvery: 1,
    };
    const schema = z.object({ last: z.coerce.date().optional() }).transform(({ last }) => ({ last }));
    const Dated = eventSourced("dated", { ...settings, schema });
    const Bare = eventSourced("bare", settings);
    await using hold = await holdfast({ store: await backing.open(), kinds: [Dated, Bare], reap: false });
    const { dated, bare } = hold.state(alice);
    const seen = (day: number) => ({ type: "seen" as const, payload: { at: new Date(Date.UTC(2030, 0, day)) } });
    const { id } = await dated.create([seen(1)]);
    await dated.append(id, [seen(2), seen(3)]);
    await dated.append(id, seen(4));
    expect((await dated.get(id)).value.last).toEqual(new Date(Date.UTC(2030, 0, 4)));
    const other = await bare.create([seen(1)]);
    await expect(bare.append(other.id, seen(2))).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("of a value that has outgrown a document refuse what makes it larger, and take what makes it fit", async () => {
    const Notes = eventSourced("notes", {
      initial: (): { all: string[] } => ({ all: [] }),
      events: { noted: z.object({ text: z.string() }), dropped: z.object({ keep: z.int() }) },
      evolve: (value, event) => {
        if (event.type === "dropped") value.all.splice(0, value.all.length - event.payload.keep);
        else value.all.push(event.payload.text);
      },
      snapshotEvery: 5,
      limits: { maxDocumentBytes: 2_000 },
    });
    for (const shrink of ["append", "decide"] as const) {
      await using backing = await makeBacking();
      await using hold = await holdfast({ store: await backing.open(), kinds: [Notes], reap: false });
      const { notes } = hold.state(alice);
      const { id } = await notes.create();
      const grow = { type: "noted", payload: { text: "x".repeat(100) } } as const;
      let kept = 0;
      const full = { code: "INVALID_ARGUMENT", message: expect.stringContaining("larger than 2000 bytes") as string };
      await expect(
        (async () => {
          for (; ; kept++) await notes.append(id, grow);
        })(),
      ).rejects.toMatchObject(full);
      expect((await notes.get(id)).value.all).toHaveLength(kept);
      await expect(notes.append(id, { type: "dropped", payload: { keep: kept } })).rejects.toMatchObject(full);
      await expect(notes.decide(id, () => grow)).rejects.toMatchObject(full);
      const drop = { type: "dropped", payload: { keep: 3 } } as const;
      if (shrink === "append") await notes.append(id, drop);
      else await notes.decide(id, () => drop);
      for (let n = 0; n < 8; n++) await notes.append(id, grow);
      expect((await notes.get(id)).value.all).toHaveLength(11);
      expect(await notes.repair(id)).toMatchObject({ changed: false });
    }
  });

  test("can be made anew from the events", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    await using hold = await openFlows(backing);
    const { flow } = hold.state(alice);
    const { id } = await flow.create(Array.from({ length: 9 }, (_, n) => step(n)));
    await flow.append(id, step("tenth"));
    expect(await flow.repair(id)).toEqual({ position: 10, changed: false });
    const good = await flow.get(id);
    const { record } = await store.read(owner, { kind: "flow", id });
    // What nobody but a fault could write.
    const document = { text: JSON.stringify({ name: "", done: [], total: 99 }), position: 6 };
    const counters = [{ name: "holdfast.tail", by: 3 }];
    await store.commit(owner, [{ kind: "flow", id, expect: record?.version ?? 0, document, counters }]);
    expect((await flow.get(id)).value.total).toBe(103);
    expect(await flow.repair(id)).toEqual({ position: 10, changed: true });
    expect(await distance(store, id)).toBe(0);
    expect((await flow.get(id)).value).toEqual(good.value);
    await flow.append(id, step("more"));
    expect((await flow.get(id)).value.total).toBe(11);
  });
});

describe.each(backings)("retention on %s", (_name, makeBacking) => {
  test("keeps the value and about as many events as told, and says plainly what is gone", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    await using all = await openFlows(backing, {});
    const complete = await all.state(alice).flow.create();
    await using hold = await openFlows(backing, { maxEventsKept: 10 });
    const { flow } = hold.state(alice);
    const { id } = await flow.create();
    for (let n = 1; n <= 60; n++) {
      backing.clock.advance(10);
      await flow.append(id, step(n, n));
      await all.state(alice).flow.append(complete.id, step(n, n));
      const { record } = await store.read(owner, { kind: "flow", id });
      const { head = 0, first = 1 } = record?.streams.get("events") ?? {};
      // Nothing that the snapshot does not contain is ever trimmed.
      expect(first - 1).toBeLessThanOrEqual(record?.documentPosition ?? 0);
      expect(head - first + 1).toBeLessThanOrEqual(10 + 4);
      if (head > 10) expect(head - first + 1).toBeGreaterThanOrEqual(10);
    }
    const { record } = await store.read(owner, { kind: "flow", id });
    const first = record?.streams.get("events")?.first ?? 0;
    expect(first).toBeGreaterThan(40);
    const { value } = await flow.get(id);
    const untrimmed = await all.state(alice).flow.get(complete.id);
    const { lastAt: _, ...rest } = value;
    expect(untrimmed.value).toMatchObject(rest);
    // Every position that is kept can still be told, and so can the one before.
    for (let position = first - 1; position <= 60; position++) {
      const { value: past } = await flow.at(id, position);
      expect(past.total).toBe((position * (position + 1)) / 2);
    }
    for (const position of [0, 1, first - 2]) {
      await expect(flow.at(id, position)).rejects.toMatchObject({ code: "REPLAY_WINDOW_EXCEEDED" });
    }
    const { createdAt } = await flow.get(id);
    await expect(flow.at(id, createdAt)).rejects.toMatchObject({ code: "REPLAY_WINDOW_EXCEEDED" });
    await expect(flow.history(id, { after: 1 })).rejects.toMatchObject({ code: "REPLAY_WINDOW_EXCEEDED" });
    expect((await flow.history(id)).events[0]?.position).toBe(first);
    expect(await flow.repair(id)).toEqual({ position: 60, changed: false });
  });

  test("needs an upcastSnapshot where the value changes shape and the beginning is gone", async () => {
    await using backing = await makeBacking();
    await using before = await openFlows(backing, { maxEventsKept: 4, snapshotEvery: 2 });
    const { id } = await before.state(alice).flow.create();
    for (let n = 1; n <= 20; n++) await before.state(alice).flow.append(id, step(n, 2));
    await using without = await openFlows(backing, { snapshotVersion: 2 });
    await expect(without.state(alice).flow.get(id)).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
    const Upcasting = eventSourced("flow", {
      initial: { sum: 0 },
      events: { step_done: z.object({ step: z.string(), weight: z.number() }) },
      evolve: (value, { payload }) => void (value.sum += payload.weight),
      upcastSnapshot: (older) => ({ sum: (older as { total: number }).total }),
      snapshotVersion: 2,
      snapshotEvery: 2,
    });
    await using after = await holdfast({ store: await backing.open(), kinds: [Upcasting], reap: false });
    const { flow } = after.state(alice);
    expect((await flow.get(id)).value).toEqual({ sum: 40 });
    for (let n = 21; n <= 30; n++) await flow.append(id, step(n, 2));
    expect((await flow.get(id)).value).toEqual({ sum: 60 });
    expect((await flow.at(id, 19)).value).toEqual({ sum: 38 });
  });
});

test.each(backings)(
  "on %s, a history that a newer program has cut is told to an older one",
  async (_name, makeBacking) => {
    await using backing = await makeBacking();
    await using newer = await openFlows(backing, { snapshotVersion: 2, maxEventsKept: 4, snapshotEvery: 2 });
    await using older = await openFlows(backing);
    const { id } = await newer.state(alice).flow.create();
    for (let n = 1; n <= 20; n++) await newer.state(alice).flow.append(id, step(n));
    await expect(older.state(alice).flow.get(id)).rejects.toMatchObject({
      code: "SCHEMA_MISMATCH",
      message: expect.stringMatching(/version 2, not 1; bring this program up to date$/),
    });
    expect((await newer.state(alice).flow.get(id)).value.total).toBe(20);
    // Nothing that need not know the value is taken from the older one: what it appends the newer one reads.
    for (let n = 21; n <= 33; n++) await older.state(alice).flow.append(id, step(n));
    await older.state(alice).flow.append(id, [step(34), step(35), step(36), step(37), step(38), step(39)]);
    expect((await older.state(alice).flow.history(id)).events.at(-1)).toMatchObject({ position: 39 });
    await expect(older.state(alice).flow.decide(id, () => step(40))).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
    expect((await newer.state(alice).flow.get(id)).value.total).toBe(39);
    await newer.state(alice).flow.append(id, step(40));
    const { events, first } = await newer.state(alice).flow.history(id);
    expect([events.length <= 6, first >= 35, events.at(-1)?.position]).toEqual([true, true, 40]);
    expect((await newer.state(alice).flow.get(id)).value.total).toBe(40);
  },
);

test.each(backings)(
  "on %s, a version that is lowered again makes the value from all events, as long as they are all there",
  async (_name, makeBacking) => {
    await using backing = await makeBacking();
    await using newer = await openFlows(backing, { snapshotVersion: 2, snapshotEvery: 2 });
    await using older = await openFlows(backing, { snapshotEvery: 2, maxEventsKept: 4 });
    const { id } = await newer.state(alice).flow.create();
    for (let n = 1; n <= 20; n++) await newer.state(alice).flow.append(id, step(n));
    for (let n = 21; n <= 30; n++) await older.state(alice).flow.append(id, step(n));
    expect((await older.state(alice).flow.get(id)).value.total).toBe(30);
    // Its limit waits for the newer one: it trims nothing behind a snapshot that it cannot use.
    expect((await older.state(alice).flow.history(id, { limit: 1 })).first).toBe(1);
    expect((await newer.state(alice).flow.get(id)).value.total).toBe(30);
  },
);

test("options that make no sense are refused where the kind is defined", () => {
  const good = { initial: {}, events: { a: z.object({}) }, evolve: () => undefined };
  const wrong: readonly object[] = [
    { ...good, initial: undefined },
    { ...good, events: {} },
    { ...good, events: { a: {} } },
    { ...good, evolve: "no" },
    { ...good, snapshotEvery: 0 },
    { ...good, snapshotEvery: 1_001 },
    { ...good, snapshotVersion: 1.5 },
    { ...good, upcast: { a: () => undefined } },
    { ...good, upcastSnapshot: 1 },
    { ...good, evolvee: 1 },
    { ...good, initial: { at: () => 1 } },
  ];
  for (const options of wrong) {
    // @ts-expect-error: what the types refuse has to be refused at run time as well.
    expect(() => eventSourced("k", options)).toThrow(/kind "k"/);
  }
  expect(() => eventSourced("session", good)).toThrow(/holdfast's own/);
  expect(flowKind({}).id.description).toContain("Handle of a flow");
});

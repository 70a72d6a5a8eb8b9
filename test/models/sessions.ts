import type { Session } from "holdfast";
import { expect } from "vitest";

import { type Model, refused, type World } from "./world.ts";

type Known = {
  readonly id: string;
  readonly label: string;
  readonly data: Map<string, unknown>;
  readonly preferences: Map<string, unknown>;
  readonly counters: Map<string, number>;
  actions: number;
  summary: string | undefined;
  live: boolean;
};

/** Sessions: data, preferences, counters, actions and a summary under one id. */
export function sessions({ random, door, owner, stranger }: World): Model {
  const all: Known[] = [];
  const open = (id: string, principal = owner): Session => door().sessions(principal).open(id);
  const on = async (step: (session: Session, known: Known) => Promise<unknown>): Promise<void> => {
    if (all.length === 0) return;
    const known = random.pick(all);
    if (known.live) await step(open(known.id), known);
    else await refused(open(known.id).view(), "NOT_FOUND");
  };
  const key = (): string => random.pick(["a", "b", "__proto__"]);

  return {
    create: async () => {
      const label = `s${random.below(3)}`;
      const { id } = await door().sessions(owner).create({ label });
      const maps = { data: new Map(), preferences: new Map(), counters: new Map() };
      all.push({ id, label, ...maps, actions: 0, summary: undefined, live: true });
    },
    set: () =>
      on(async (session, { data }) => {
        const [name, value] = [key(), random.pick([1, "x", null, [], {}])];
        await session.set(name, value);
        data.set(name, value);
      }),
    get: () =>
      on(async (session, { data }) => {
        const name = key();
        expect((await session.get(name))?.value).toEqual(data.get(name));
        expect(await session.keys()).toEqual([...data.keys()].toSorted());
      }),
    delete: () =>
      on(async (session, { data }) => {
        const name = key();
        expect(await session.delete(name)).toBe(data.delete(name));
      }),
    prefer: () =>
      on(async (session, { preferences }) => {
        preferences.set("language", random.pick(["de", "en"]));
        const view = await session.setPreference("language", preferences.get("language"));
        expect(view.value.preferences).toEqual(Object.fromEntries(preferences));
      }),
    increment: () =>
      on(async (session, { counters }) => {
        const [name, by] = [key(), random.below(7) - 3];
        const value = (counters.get(name) ?? 0) + by;
        expect((await session.increment(name, by)).value).toBe(value);
        counters.set(name, value);
      }),
    record: () =>
      on(async (session, known) => {
        const { totalEvents } = await session.record("acted", { n: known.actions });
        known.actions += 1;
        expect(totalEvents).toBe(known.actions);
      }),
    summarize: () =>
      on(async (session, known) => {
        await session.summarize((before) => {
          expect(before).toBe(known.summary);
          return `${known.actions} actions`;
        });
        known.summary = `${known.actions} actions`;
      }),
    context: () =>
      on(async (session, known) => {
        const { view, events } = await session.context({ maxEvents: 3 });
        const kept = Array.from({ length: Math.min(3, known.actions) }, (_, index) => known.actions - 1 - index);
        expect(events.map(({ payload }) => payload)).toEqual(kept.toReversed().map((n) => ({ n })));
        const counted = [...known.counters].filter(([, value]) => value !== 0);
        expect(new Map(view.counters)).toEqual(new Map(counted));
        expect([view.totalEvents, view.value.label]).toEqual([known.actions, known.label]);
        expect(await session.summary()).toBe(known.summary);
      }),
    clear: () =>
      on(async (session, known) => {
        if (random.below(3) > 0) return;
        await session.clear();
        for (const map of [known.data, known.preferences, known.counters]) map.clear();
        Object.assign(known, { actions: 0, summary: undefined });
      }),
    end: () =>
      on(async (session, known) => {
        if (random.below(3) > 0) return;
        expect(await session.end()).toBe(true);
        expect(await session.end()).toBe(false);
        known.live = false;
      }),
    list: async () => {
      const { records } = await door().sessions(owner).list({ limit: 1_000 });
      const those = all.filter(({ live }) => live).toReversed();
      expect(records.map(({ id, label }) => [id, label])).toEqual(those.map(({ id, label }) => [id, label]));
    },
    "a stranger": async () => {
      if (all.length === 0) return;
      const { id } = random.pick(all);
      await refused(open(id, stranger).view(), "NOT_FOUND");
      await refused(open(id, stranger).set("a", 1), "NOT_FOUND");
      expect(await open(id, stranger).end()).toBe(false);
    },
  };
}

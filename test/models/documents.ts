import type { RecordView } from "holdfast";
import { expect } from "vitest";

import { type DocValue, type Model, refused, type World } from "./world.ts";

type Known = {
  readonly id: string;
  version: number;
  value: DocValue;
  readonly counters: Map<string, number>;
  readonly log: unknown[];
  live: boolean;
};

/** Documents behind handles: one versioned register each, with counters and streams that go their own way. */
export function documents({ random, door, owner, stranger }: World): Model {
  const all: Known[] = [];
  const items = (): ReturnType<typeof of> => of(owner);
  const of = (principal: World["owner"]) => door().state(principal).item;
  const any = (): Known | undefined => (all.length === 0 ? undefined : random.pick(all));
  const live = (): Known[] => all.filter((one) => one.live);

  const matches = (view: RecordView<DocValue>, known: Known): void => {
    expect([view.id, view.version, view.value]).toEqual([known.id, known.version, known.value]);
  };
  /** Runs a step on some record; on one that has ended, whatever it is finds nothing. */
  const on = async (step: (known: Known) => Promise<unknown>): Promise<void> => {
    const known = any();
    if (known === undefined) return;
    if (known.live) await step(known);
    else await refused(step({ ...known, value: structuredClone(known.value) }), "NOT_FOUND");
  };

  return {
    create: async () => {
      const value = { n: random.below(9), tags: [] };
      const view = await items().create(value);
      const known = { id: view.id, version: view.version, value, counters: new Map(), log: [], live: true };
      matches(view, known);
      all.push(known);
    },
    get: () =>
      on(async (known) => {
        const view = await items().get(known.id);
        matches(view, known);
        expect(new Map(view.counters)).toEqual(known.counters);
        expect(view.heads.get("log") ?? 0).toBe(known.log.length);
      }),
    update: () =>
      on(async (known) => {
        const n = random.below(3);
        const view = await items().update(known.id, (draft) => {
          draft.n += n;
        });
        // One that leaves the document as it was makes no version.
        if (n > 0) known.version += 1;
        known.value = { ...known.value, n: known.value.n + n };
        matches(view, known);
      }),
    "update with all": () =>
      on(async (known) => {
        const view = await items().update(known.id, (draft, tx) => {
          draft.tags.push("t");
          tx.append("log", { tag: known.log.length });
          tx.increment("tags", 2);
        });
        known.version += 1;
        known.value = { ...known.value, tags: [...known.value.tags, "t"] };
        known.log.push({ tag: known.log.length });
        known.counters.set("tags", (known.counters.get("tags") ?? 0) + 2);
        matches(view, known);
      }),
    "update at a version": () =>
      on(async (known) => {
        const ifVersion = known.version - random.below(2);
        const change = items().patch(known.id, { n: known.value.n + 1 }, { ifVersion });
        if (ifVersion !== known.version && known.live) return refused(change, "CONFLICT");
        await change;
        known.version += 1;
        known.value = { ...known.value, n: known.value.n + 1 };
      }),
    increment: () =>
      on(async (known) => {
        const by = random.below(5) - 1;
        const before = known.counters.get("seats") ?? 0;
        const change = items().increment(known.id, "seats", by, { min: 0, max: 8 });
        if (known.live && (before + by < 0 || before + by > 8)) return refused(change, "OUT_OF_BOUNDS");
        expect((await change).value).toBe(before + by);
        known.counters.set("seats", before + by);
      }),
    append: () =>
      on(async (known) => {
        const expectedHead = random.below(4) === 0 ? known.log.length + 1 : known.log.length;
        const change = items().append(known.id, "log", { at: known.log.length }, { expectedHead });
        if (known.live && expectedHead !== known.log.length) return refused(change, "CONFLICT");
        expect((await change).position).toBe(known.log.length + 1);
        known.log.push({ at: known.log.length });
      }),
    events: () =>
      on(async (known) => {
        const after = random.below(known.log.length + 1);
        const page = await items().events(known.id, "log", { after, limit: 1_000 });
        expect(page.events.map(({ payload }) => payload)).toEqual(known.log.slice(after));
        expect([page.head, page.more]).toEqual([known.log.length, false]);
      }),
    "repeat with a key": () =>
      on(async (known) => {
        const idempotency = { key: `k${random.below(1_000_000_000)}` };
        const first = await items().increment(known.id, "once", 1, { idempotency });
        const again = await items().increment(known.id, "once", 1, { idempotency });
        expect([first.replayed, again.replayed, again.value]).toEqual([false, true, first.value]);
        known.counters.set("once", (known.counters.get("once") ?? 0) + 1);
        expect(first.value).toBe(known.counters.get("once"));
      }),
    destroy: async () => {
      const known = any();
      if (known === undefined || random.below(3) > 0) return;
      expect(await items().destroy(known.id)).toBe(known.live);
      known.live = false;
    },
    list: async () => {
      const { records } = await items().list({ limit: 1_000 });
      expect(records.map(({ id }) => id)).toEqual(
        live()
          .map(({ id }) => id)
          .toReversed(),
      );
    },
    find: async () => {
      const even = random.below(2) === 0;
      const found: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await items().find({ even }, { limit: 1_000, ...(after !== undefined && { after }) });
        found.push(...page.records.map(({ id }) => id));
        if (page.next === undefined) break;
        after = page.next;
      }
      const those = live().filter(({ value }) => (value.n % 2 === 0) === even);
      expect(found).toEqual(those.map(({ id }) => id).toReversed());
    },
    "a stranger": async () => {
      const known = any();
      if (known === undefined) return;
      await refused(of(stranger).get(known.id), "NOT_FOUND");
      expect(await of(stranger).destroy(known.id)).toBe(false);
      expect((await of(stranger).list()).records).toEqual([]);
    },
  };
}

import type { RecordHandle } from "holdfast";
import { expect } from "vitest";

import { type DocValue, type Model, refused, type World } from "./world.ts";

type Known = { version: number; highest: number; value: DocValue; live: boolean };

/** Records that are found by name, or are one per principal: there as soon as they are asked for, and never again at an old version. */
export function named({ random, door, owner, stranger }: World): Model {
  const begin = (): Known => ({ version: 0, highest: 0, value: { n: 0, tags: [] }, live: false });
  const known = new Map([
    ["a", begin()],
    ["b", begin()],
    ["the one", begin()],
  ]);
  const any = (): readonly [string, Known] => random.pick([...known]);
  const handle = (name: string, principal = owner): RecordHandle<DocValue> => {
    const { note, profile } = door().state(principal);
    return name === "the one" ? profile : note.open(name);
  };
  const isAt = (one: Known, version: number): void => {
    if (one.live) expect(version).toBe(one.version);
    else expect(version).toBeGreaterThan(one.highest);
    Object.assign(one, { version, highest: version, live: true });
  };
  const ended = (one: Known): void => {
    Object.assign(one, { value: { n: 0, tags: [] }, live: false });
  };

  return {
    get: async () => {
      const [name, one] = any();
      const view = await handle(name).get();
      isAt(one, view.version);
      expect(view.value).toEqual(one.value);
    },
    update: async () => {
      const [name, one] = any();
      const view = await handle(name).update((draft) => {
        draft.n += 1;
      });
      one.value = { ...one.value, n: one.value.n + 1 };
      if (one.live) one.version += 1;
      isAt(one, view.version);
      expect(view.value).toEqual(one.value);
    },
    "update at an old version": async () => {
      const [name, one] = any();
      if (one.highest === 0) return;
      const ifVersion = one.live ? one.version - 1 : one.highest;
      await expect(handle(name).patch({ n: 99 }, { ifVersion })).rejects.toHaveProperty("code");
    },
    destroy: async () => {
      const [name, one] = any();
      expect(await handle(name).destroy()).toBe(one.live);
      ended(one);
    },
    "a stranger": async () => {
      // The same name is another record.
      const [name] = any();
      expect((await handle(name, stranger).get()).value).toEqual({ n: 0, tags: [] });
    },
    list: async () => {
      const { records } = await door().state(owner).note.list();
      const names = ["a", "b"].filter((name) => known.get(name)?.live === true);
      expect(records.map(({ name }) => name ?? "").toSorted()).toEqual(names);
    },
    "a wrong document": async () => {
      const [name, one] = any();
      const wrong = (draft: DocValue): void => {
        draft.n = 0.5;
      };
      await refused(handle(name).update(wrong), "INVALID_ARGUMENT");
      // Whether asking for it made it is nobody's business; what it holds is.
      const view = await handle(name).get();
      isAt(one, view.version);
      expect(view.value).toEqual(one.value);
    },
  };
}

import { expect, it } from "vitest";

import { decide } from "../../record/decide.ts";
import type { Committed, ReadAnswer, Store } from "../../store/contract.ts";
import { memoryStore, memoryStoreDeciding } from "../../stores/memory/store.ts";
import { replaced } from "../broken/broken-store.test-kit.ts";
import { concurrently } from "./concurrent.test-kit.ts";
import { sequentially } from "./sequential.test-kit.ts";
import type { ModelSettings, OpenForModel } from "./subject.test-kit.ts";

/** A sound store with a fault, which gets the same turns as the store itself. */
function faulty(replace: (sound: Store, settings: ModelSettings) => Partial<Store>): OpenForModel {
  return async (settings) => {
    const sound = await memoryStore(settings);
    return { store: replaced(sound, replace(sound, settings)) };
  };
}

function deciding(alter: typeof decide): OpenForModel {
  return async (settings) => ({ store: await memoryStoreDeciding(alter, settings) });
}

const versionComparedTooEarly = faulty((sound) => ({
  commit: async (owner, changes, options): Promise<Committed> => {
    const [change] = changes;
    if (change === undefined || changes.length > 1 || typeof change.expect !== "number")
      return sound.commit(owner, changes, options);
    const { record } = await sound.read(owner, change);
    const expect = record?.version === change.expect ? "present" : change.expect;
    return sound.commit(owner, [{ ...change, expect }], options);
  },
}));

const tailReadLater = faulty((sound) => ({
  read: async (owner, key, options = {}): Promise<ReadAnswer> => {
    const { tails = [], ...rest } = options;
    const first = await sound.read(owner, key, rest);
    const second = await sound.read(owner, key, { tails });
    return { ...first, tails: second.tails };
  },
}));

const halfApplied = faulty((sound) => ({
  commit: async (owner, changes, options): Promise<Committed> => {
    const [first, ...others] = changes;
    if (first === undefined || others.length === 0 || options?.commitId || options?.fence || options?.quota) {
      return sound.commit(owner, changes, options);
    }
    const one = await sound.commit(owner, [first]);
    if (!one.ok) return one;
    const two = await sound.commit(owner, others);
    if (two.ok) return { ...two, results: [...one.results, ...two.results] };
    return "index" in two.refusal ? { ...two, refusal: { ...two.refusal, index: two.refusal.index + 1 } } : two;
  },
}));

it.each([
  ["a version compared before the write, not inside it", versionComparedTooEarly],
  ["a tail read after its document", tailReadLater],
  ["a commit in two halves", halfApplied],
])("a race finds %s, and says by which history", async (_fault, open) => {
  await expect(concurrently(open, 3_000, 1)).rejects.toThrow(
    /seed: 1\b[\s\S]*(no order explains this history|the store and its model disagree)/,
  );
});

it.each([
  ["a floor that is not raised", deciding((standing, change, index, now) => decide(standing, change, index, now, 0))],
  ["an expiry one millisecond late", faulty((sound, { clock }) => ({ read: lateBy(sound, clock) }))],
  [
    "positions that count empty appends",
    deciding((standing, change, index, now, floor) => {
      const appends = change.appends?.map((append) => ({ ...append, data: append.data.filter((text) => text !== "") }));
      return decide(standing, { ...change, ...(appends && { appends }) }, index, now, floor);
    }),
  ],
  [
    "a commit id that is compared without its digest",
    faulty((sound) => ({
      commit: (owner, changes, options) =>
        sound.commit(owner, changes, {
          ...options,
          commitId: options?.commitId && { ...options.commitId, digest: "x" },
        }),
    })),
  ],
])("a sequence finds %s", async (_fault, open) => {
  await expect(sequentially(open, 2_000, 1)).rejects.toThrow(/seed: 1\b[\s\S]*the store and its model disagree/);
});

function lateBy(sound: Store, clock: () => number): Store["read"] {
  return async (owner, key, options) => {
    const answer = await sound.read(owner, key, options);
    const held = answer.record ?? (await sound.admin.inspect(owner, key));
    return held?.endedAt === undefined && held?.expiresAt === clock() ? { ...answer, record: held } : answer;
  };
}

/** The whole chain, from writers to checkers, on stores with a known fault: each is caught, and the sound one is not. */
import { setImmediate } from "node:timers/promises";
import { type Change, type CommitOptions, type Committed, HoldfastError, type Store } from "holdfast/contract";
import { memoryStore } from "holdfast/stores/memory";
import { expect, it } from "vitest";

import { type Random, seeded } from "../lib/random.ts";
import { checkHistory, formatFaults } from "./check/check.ts";
import { localHistory } from "./driver/local.ts";

type Methods = Pick<Store, "read" | "commit" | "events">;
type Breaking = (sound: Methods, random: Random) => Partial<Methods>;

/** How many histories a fault may hide in before it has to have shown. */
const attempts = 5;

/** What every store does on a network: take its time, before and after. */
function slowly(store: Store, random: Random): Methods {
  const turns = async (): Promise<void> => {
    for (let left = random.below(4); left > 0; left -= 1) await setImmediate();
  };
  const slow = async <T>(call: () => Promise<T>): Promise<T> => {
    await turns();
    const answer = await call();
    await turns();
    return answer;
  };
  return {
    read: (...given) => slow(() => store.read(...given)),
    commit: (...given) => slow(() => store.commit(...given)),
    events: (...given) => slow(() => store.events(...given)),
  };
}

async function historyOf(breaking: Breaking, seed: number): Promise<string> {
  await using store = await memoryStore();
  const random = seeded(seed);
  const sound = slowly(store, random);
  const broken = { ...sound, ...breaking(sound, random) };
  // The writers use these three methods and no other.
  const history = await localHistory({ store: { ...store, ...broken }, seed, writers: 8, operations: 800 });
  return formatFaults(checkHistory(history), 3);
}

/** A commit with something changed on its way to the store. */
function altered(
  alter: (changes: readonly Change[], options: CommitOptions) => readonly [readonly Change[], CommitOptions],
): Breaking {
  return ({ commit }) => ({ commit: (owner, changes, options = {}) => commit(owner, ...alter(changes, options)) });
}

const broken: readonly (readonly [fault: string, Breaking])[] = [
  [
    "that compares versions before it writes, not while",
    ({ read, commit }) => ({
      commit: async (owner, changes, options): Promise<Committed> => {
        const [change] = changes;
        if (change === undefined || typeof change.expect !== "number" || changes.length > 1)
          return await commit(owner, changes, options);
        const { record } = await read(owner, change);
        return await commit(
          owner,
          [{ ...change, expect: record?.version === change.expect ? "present" : change.expect }],
          options,
        );
      },
    }),
  ],
  [
    "that reads from a cache",
    ({ read }) => {
      const cache = new Map<string, ReturnType<Methods["read"]>>();
      return {
        read: async (owner, key, options) => {
          const name = `${owner} ${key.kind} ${key.id} ${JSON.stringify(options)}`;
          const answer = cache.get(name) ?? read(owner, key, options);
          cache.set(name, answer);
          if (cache.size > 20) cache.clear();
          return await answer;
        },
      };
    },
  ],
  ["that forgets commit ids", altered((changes, { commitId: _commitId, ...options }) => [changes, options])],
  ["that does not look at fences", altered((changes, { fence: _fence, ...options }) => [changes, options])],
  ["that drops the last event of a run", altered((changes, options) => [changes.map(withoutLast), options])],
  [
    "that commits one record after the other",
    ({ commit }) => ({
      commit: async (owner, changes, options): Promise<Committed> => {
        if (changes.length === 1 || options?.commitId !== undefined) return await commit(owner, changes, options);
        const results = [];
        for (const change of changes) {
          const one = await commit(owner, [change], options);
          if (!one.ok) return one;
          results.push(...one.results);
        }
        return { ok: true, at: 0, replayed: false, results };
      },
    }),
  ],
  [
    "that says it failed where it did not",
    ({ commit }, random) => ({
      commit: async (...given): Promise<Committed> => {
        const answer = await commit(...given);
        if (random.below(50) === 0) throw new HoldfastError("UNAVAILABLE", "the reply was lost");
        return answer;
      },
    }),
  ],
  [
    "that acknowledges and forgets",
    ({ commit }, random) => ({
      commit: async (owner, changes, options): Promise<Committed> => {
        const [change] = changes;
        if (random.below(20) > 0 || change === undefined || typeof change.expect !== "number")
          return await commit(owner, changes, options);
        const version = change.expect + (change.document === undefined ? 0 : 1);
        const result = { version, incarnation: 1, created: false, counters: new Map(), heads: new Map() };
        return { ok: true, at: 0, replayed: false, results: changes.map(() => result) };
      },
    }),
  ],
  [
    "that takes the reader of a stream past an event",
    ({ events }) => ({
      events: async (owner, key, stream, options) => {
        const page = await events(owner, key, stream, {
          ...options,
          after: (options.after ?? 0) + ((options.after ?? 0) > 0 ? 1 : 0),
        });
        return page;
      },
    }),
  ],
  [
    "that reads a record and its tails one after the other",
    ({ read }) => ({
      read: async (owner, key, { tails = [], ...options } = {}) => {
        const first = await read(owner, key, options);
        const second = await read(owner, key, { tails });
        return { ...first, tails: second.tails };
      },
    }),
  ],
];

function withoutLast(change: Change): Change {
  const shorter = change.appends?.map((append) => ({
    ...append,
    data: append.data.length > 2 ? append.data.slice(0, -1) : append.data,
  }));
  return { ...change, appends: shorter };
}

const seed = Number(process.env["HOLDFAST_SEED"] ?? Date.now() % 1_000_000);

it("explains every history of a sound store", async () => {
  for (let index = 0; index < attempts; index += 1) {
    expect(await historyOf(() => ({}), seed + index), `seed ${seed + index}`).toBe("");
  }
});

it.each(broken)("finds no explanation for a store %s", async (_fault, breaking) => {
  let found = "";
  for (let index = 0; index < attempts && found === ""; index += 1) found = await historyOf(breaking, seed + index);
  expect(found, `nothing was found with seed ${seed}`).not.toBe("");
});

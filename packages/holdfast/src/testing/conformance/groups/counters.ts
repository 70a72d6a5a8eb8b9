import { race } from "../../race.ts";
import { rejects, same } from "../check.ts";
import { appending, apply, counting, everythingOf, fresh, live, make, refusal, span } from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "counters";
const rule = "2";

export const counters: readonly Requirement[] = [
  {
    id: "C1",
    group,
    text: "counters start at 0, add and subtract, and answer the values of those a change named",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const first = await apply(store, owner, counting(key, { name: "a", by: 5 }, { name: "b", by: -2 }));
      same(
        "after the first change",
        first.counters,
        new Map([
          ["a", 5],
          ["b", -2],
        ]),
      );
      const second = await apply(store, owner, counting(key, { name: "b", by: 3 }, { name: "c", by: 0 }));
      same(
        "after the second change",
        second.counters,
        new Map([
          ["b", 1],
          ["c", 0],
        ]),
      );
      const { counters: all } = await live(store, owner, key);
      same("a and b as read", [all.get("a"), all.get("b")], [5, 1]);
    },
  },
  {
    id: "C2",
    group,
    text: "a hundred parallel additions all count, and each sees its own value",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const { values, errors } = await race(100, () => apply(store, owner, counting(key, { name: "n", by: 1 })));
      same("errors", errors, []);
      const seen = values.map((result) => result.counters.get("n") ?? 0).sort((a, b) => a - b);
      same("the values answered", seen, span(1, 100));
      same("the value read", (await live(store, owner, key)).counters.get("n"), 100);
    },
  },
  {
    id: "C3",
    group,
    text: "additions never make a document writer conflict, nor it them",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      let { version } = await make(store, owner, key);
      const { errors } = await race(11, async (index) => {
        for (let round = 0; round < 10; round += 1) {
          if (index > 0) await apply(store, owner, counting(key, { name: "n", by: 1 }));
          else
            version = (await apply(store, owner, { ...key, expect: version, document: { text: `${round}` } })).version;
        }
      });
      same("errors", errors, []);
      const record = await live(store, owner, key);
      same(
        "version, document, counter",
        [record.version, record.document, record.counters.get("n")],
        [version, "9", 100],
      );
    },
  },
  {
    id: "C4",
    group,
    text: "a result outside the bounds refuses the whole commit, naming counter, value and step, and writes nothing",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, counting(key, { name: "n", by: 3 }));
      const before = await everythingOf(store, owner, key);
      const tooLow = {
        ...appending(key, "log", "lost"),
        document: { text: "1" },
        counters: [{ name: "n", by: -4, min: 0 }],
      };
      const low = await refusal(store, owner, [tooLow]);
      same("below the minimum", low, { reason: "bounds", index: 0, counter: "n", value: 3, by: -4 });
      const high = await refusal(store, owner, [counting(key, { name: "m", by: 1 }, { name: "n", by: 8, max: 10 })]);
      same("above the maximum", high, { reason: "bounds", index: 0, counter: "n", value: 3, by: 8 });
      same("the record afterwards", await everythingOf(store, owner, key), before);
    },
  },
  {
    id: "C5",
    group,
    text: "bounds are exact under a race: of fifty that take from ten, ten succeed",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, counting(key, { name: "n", by: 10 }));
      const { values, errors } = await race(50, () =>
        store.commit(owner, [counting(key, { name: "n", by: -1, min: 0 })]),
      );
      same("errors", errors, []);
      same("how many succeeded", values.filter(({ ok }) => ok).length, 10);
      same("what is left", (await live(store, owner, key)).counters.get("n"), 0);
    },
  },
  {
    id: "C6",
    group,
    text: "a result that meets a bound exactly is accepted",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const result = await apply(
        store,
        owner,
        counting(key, { name: "up", by: 5, max: 5 }, { name: "down", by: -5, min: -5 }),
      );
      same(
        "values",
        result.counters,
        new Map([
          ["up", 5],
          ["down", -5],
        ]),
      );
    },
  },
  {
    id: "C7",
    group,
    text: "values are exact up to the largest safe integers, and refused beyond them",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const most = Number.MAX_SAFE_INTEGER;
      await make(store, owner, key);
      await apply(store, owner, counting(key, { name: "n", by: most - 1 }, { name: "m", by: -most }));
      await apply(store, owner, counting(key, { name: "n", by: 1 }));
      const over = await refusal(store, owner, [counting(key, { name: "n", by: 1 })]);
      same("one more", over, { reason: "bounds", index: 0, counter: "n", value: most, by: 1 });
      const under = await refusal(store, owner, [counting(key, { name: "m", by: -1 })]);
      same("one less", under, { reason: "bounds", index: 0, counter: "m", value: -most, by: -1 });
      same(
        "as read",
        (await live(store, owner, key)).counters,
        new Map([
          ["n", most],
          ["m", -most],
        ]),
      );
    },
  },
  {
    id: "C8",
    group,
    text: "a counter named twice in one change takes both steps, one after the other",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const result = await apply(store, owner, counting(key, { name: "n", by: 2 }, { name: "n", by: 3 }));
      same("the value", result.counters, new Map([["n", 5]]));
      const refused = await refusal(store, owner, [counting(key, { name: "n", by: 4 }, { name: "n", by: 2, max: 10 })]);
      same("the second step's bounds see the first", refused, {
        reason: "bounds",
        index: 0,
        counter: "n",
        value: 9,
        by: 2,
      });
    },
  },
  {
    id: "C9",
    group,
    text: "a step that is no safe integer is an invalid argument",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      for (const by of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
        await rejects(`adding ${by}`, "INVALID_ARGUMENT", () =>
          store.commit(owner, [counting(key, { name: "n", by })]),
        );
      }
      same("counters", (await live(store, owner, key)).counters, new Map());
    },
  },
  {
    id: "C10",
    group,
    text: "the commit that creates a record can count and append at once",
    rule: "atomic-unit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { values, errors } = await race(20, () =>
        apply(store, owner, {
          ...key,
          expect: "any",
          create: { text: "{}", lifetime: {} },
          counters: [{ name: "n", by: 1 }],
          appends: [{ stream: "log", data: ["x"] }],
        }),
      );
      same("errors", errors, []);
      same("how many created it", values.filter(({ created }) => created).length, 1);
      const record = await live(store, owner, key);
      same("counter and head", [record.counters.get("n"), record.streams.get("log")?.head], [20, 20]);
    },
  },
  {
    id: "C11",
    group,
    text: "a record keeps hundreds of counters, and changing one leaves the others",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const steps = span(1, 300).map((index) => ({ name: `counter ${index}`, by: index }));
      await apply(store, owner, counting(key, ...steps));
      await apply(store, owner, counting(key, { name: "counter 7", by: 100 }));
      const expected = new Map(steps.map(({ name, by }) => [name, by]));
      expected.set("counter 7", 107);
      const seen = (await live(store, owner, key)).counters;
      same("the counters", [...seen].sort(byName), [...expected].sort(byName));
    },
  },
];

function byName([a]: readonly [string, number], [b]: readonly [string, number]): number {
  return a < b ? -1 : 1;
}

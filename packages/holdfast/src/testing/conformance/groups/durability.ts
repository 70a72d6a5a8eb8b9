import { holds, present, same } from "../check.ts";
import {
  accepted,
  appending,
  apply,
  counting,
  creation,
  everythingOf,
  fresh,
  isAbsent,
  listed,
  live,
  make,
  reaped,
  span,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "durability";
const rule = "durability";

export const durability: readonly Requirement[] = [
  {
    id: "D1",
    group,
    text: "records are the same after the store was closed and opened again",
    rule,
    needs: ["reopen"],
    test: async (context) => {
      const owner = context.owner();
      const keys = span(1, 5).map(() => fresh(context));
      for (const key of keys) {
        const create = { text: '{"é":[ ]}', lifetime: { idleMs: 3_600_000, retainMs: 5 }, fields: { a: true } };
        await accepted(context.store, owner, [{ ...key, expect: "absent", create }]);
        await apply(context.store, owner, {
          ...appending(key, "log", "a", "b", "c"),
          counters: [{ name: "n", by: 9 }],
          trims: [{ stream: "log", through: 1 }],
        });
      }
      const before = await Promise.all(keys.map((key) => everythingOf(context.store, owner, key)));
      const order = await listed(context.store, owner, "note");
      const store = await context.reopen();
      const after = await Promise.all(keys.map((key) => everythingOf(store, owner, key)));
      same("everything of the records", after, before);
      same("the listing", await listed(store, owner, "note"), order);
    },
  },
  {
    id: "D2",
    group,
    text: "versions, positions and counters go on where they were",
    rule,
    needs: ["reopen"],
    test: async (context) => {
      const owner = context.owner();
      const [key, ended] = [fresh(context), fresh(context)];
      const { version } = await make(context.store, owner, key);
      await make(context.store, owner, ended);
      await apply(context.store, owner, { ...appending(key, "log", "a"), counters: [{ name: "n", by: 1 }] });
      const { version: last } = await apply(context.store, owner, {
        ...ended,
        expect: "present",
        document: { text: "1" },
        end: true,
      });
      const store = await context.reopen();
      const next = await apply(store, owner, {
        ...appending(key, "log", "b"),
        document: { text: "1" },
        counters: [{ name: "n", by: 1 }],
      });
      same(
        "version, head, counter",
        [next.version, next.heads.get("log"), next.counters.get("n")],
        [version + 1, 2, 2],
      );
      const again = await make(store, owner, ended);
      holds("the version of what had ended", again.version > last, again.version, `above ${last}`);
    },
  },
  {
    id: "D3",
    group,
    text: "the owner's floor survives",
    rule: "1",
    needs: ["reopen"],
    test: async (context) => {
      const owner = context.owner();
      const key = fresh(context);
      await make(context.store, owner, key);
      const { version } = await apply(context.store, owner, {
        ...key,
        expect: "present",
        document: { text: "1" },
        end: true,
      });
      await context.elapse(1);
      await reaped(context.store, owner);
      const store = await context.reopen();
      const again = await make(store, owner, key);
      holds("the version", again.version > version, again.version, `above ${version}`);
    },
  },
  {
    id: "D4",
    group,
    text: "commit ids and their outcomes survive",
    rule: "6",
    needs: ["reopen"],
    test: async (context) => {
      const owner = context.owner();
      const key = fresh(context);
      for (const origin of ["caller", "internal"] as const) {
        const options = { commitId: { id: origin, digest: "d", origin } };
        const change = {
          ...counting({ ...key, id: `${key.id}${origin}` }, { name: "n", by: 1 }),
          expect: "any",
          create: { text: "{}", lifetime: {} },
        } as const;
        const first = await accepted(context.store, owner, [change], options);
        const store = await context.reopen();
        const again = await accepted(store, owner, [change], options);
        same(`the ${origin}'s replay`, [again.replayed, again.results], [true, first.results]);
      }
    },
  },
  {
    id: "D5",
    group,
    text: "what was acknowledged before a close in mid-flight is there afterwards; what was rejected is not",
    rule: "close",
    needs: ["reopen"],
    test: async (context) => {
      const owner = context.owner();
      const keys = span(1, 30).map(() => fresh(context));
      const { store: closing } = context;
      const writing = Promise.allSettled(keys.map((key) => closing.commit(owner, [creation(key)])));
      const store = await context.reopen();
      const outcomes = await writing;
      holds(
        "outcomes",
        outcomes.some(({ status }) => status === "fulfilled"),
        outcomes,
        "some that were acknowledged",
      );
      for (const [index, outcome] of outcomes.entries()) {
        const absent = await isAbsent(store, owner, present("a key", keys[index]));
        same(`record ${index} is absent`, absent, outcome.status === "rejected");
      }
    },
  },
  {
    id: "D6",
    group,
    text: "expiry goes on while the store is closed",
    rule: "4",
    needs: ["reopen"],
    test: async (context) => {
      const owner = context.owner();
      const [short, long] = [fresh(context), fresh(context)];
      await make(context.store, owner, short, "{}", { absoluteMs: 200 });
      await make(context.store, owner, long, "{}", { absoluteMs: 3_600_000 });
      await context.store.close();
      await context.elapse(250);
      const store = await context.reopen();
      same("absent", [await isAbsent(store, owner, short), await isAbsent(store, owner, long)], [true, false]);
      same("usage", (await store.usage(owner)).records, 1);
      same("the other's document", (await live(store, owner, long)).document, "{}");
    },
  },
  {
    id: "D7",
    group,
    text: "a store that promises to outlive its process, or to be shared, shows it to this suite",
    rule,
    test: async ({ store, capabilities }) => {
      const { durability: survives, shared } = store.traits;
      holds(
        "reopening",
        survives === "none" || capabilities.includes("reopen"),
        capabilities,
        `"reopen", since durability is "${survives}"`,
      );
      holds("a peer", !shared || capabilities.includes("peer"), capabilities, '"peer", since the store is shared');
    },
  },
];

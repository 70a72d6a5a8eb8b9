import type { Change } from "../../../record/change.ts";
import { race } from "../../race.ts";
import { holds, present, rejects, same } from "../check.ts";
import {
  accepted,
  appending,
  apply,
  counting,
  creation,
  dataOf,
  eventsOf,
  everythingOf,
  fresh,
  isAbsent,
  live,
  make,
  refusal,
  repeatWhile,
  span,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "commits of several records";
const rule = "atomic-unit";

export const atomicity: readonly Requirement[] = [
  {
    id: "A1",
    group,
    text: "a commit changes several records, of several kinds, and answers one result per change in order",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [old, made, gone] = [fresh(context), fresh(context, "other"), fresh(context)];
      const { version } = await make(store, owner, old);
      await make(store, owner, gone);
      const { results } = await accepted(store, owner, [
        creation(made, '"made"'),
        { ...old, expect: version, document: { text: '"changed"' } },
        { ...gone, expect: "present", end: true },
      ]);
      same(
        "created",
        results.map(({ created }) => created),
        [true, false, false],
      );
      same("the version of the second", results[1]?.version, version + 1);
      same(
        "documents",
        [(await live(store, owner, made)).document, (await live(store, owner, old)).document],
        ['"made"', '"changed"'],
      );
      same("the third is absent", await isAbsent(store, owner, gone), true);
    },
  },
  {
    id: "A2",
    group,
    text: "one refused change refuses all, whatever the reason and wherever it stands, and names its index",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [a, b, c] = [fresh(context), fresh(context), fresh(context)];
      for (const key of [a, b, c]) await make(store, owner, key, "0");
      const before = await Promise.all([a, b, c].map((key) => everythingOf(store, owner, key)));
      const good = (key: typeof a): Change => ({
        ...appending(key, "log", "lost"),
        document: { text: '"lost"' },
        counters: [{ name: "n", by: 1 }],
      });
      const bad: readonly Change[] = [
        { ...good(b), expect: 999_999 },
        { ...b, expect: "absent", create: { text: "{}", lifetime: {} } },
        { ...good(b), counters: [{ name: "n", by: -1, min: 0 }] },
        { ...good(b), appends: [{ stream: "log", data: ["x"], expectedHead: 5 }] },
      ];
      for (const change of bad) {
        for (const [index, changes] of [
          [change, good(a), good(c)],
          [good(a), change, good(c)],
          [good(a), good(c), change],
        ].entries()) {
          const answer = await refusal(store, owner, changes);
          holds("the refusal", "index" in answer && answer.index === index, answer, `index ${index}`);
          const after = await Promise.all([a, b, c].map((key) => everythingOf(store, owner, key)));
          same(`the records after a refusal at ${index}`, after, before);
        }
      }
    },
  },
  {
    id: "A3",
    group,
    text: "a commit holds one to sixteen changes",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const keys = span(1, 17).map(() => fresh(context));
      const { results } = await accepted(
        store,
        owner,
        keys.slice(0, 16).map((key) => creation(key)),
      );
      same(
        "results of sixteen",
        results.map(({ created }) => created),
        keys.slice(0, 16).map(() => true),
      );
      const more = span(1, 17).map(() => fresh(context));
      await rejects("seventeen changes", "INVALID_ARGUMENT", () =>
        store.commit(
          owner,
          more.map((key) => creation(key)),
        ),
      );
      await rejects("no change", "INVALID_ARGUMENT", () => store.commit(owner, []));
      same("records made", (await store.usage(owner)).records, 16);
    },
  },
  {
    id: "A4",
    group,
    text: "no two changes of a commit may name the same record; the same id of two kinds is two records",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const twice = [counting(key, { name: "n", by: 1 }), counting(key, { name: "n", by: 1 })];
      await rejects("one record twice", "INVALID_ARGUMENT", () => store.commit(owner, twice));
      same("counters", (await live(store, owner, key)).counters, new Map());
      const other = { kind: "other", id: key.id };
      await accepted(store, owner, [counting(key, { name: "n", by: 1 }), creation(other, '"other"')]);
      same("the other kind", (await live(store, owner, other)).document, '"other"');
    },
  },
  {
    id: "A5",
    group,
    text: "parallel transfers between records keep the total, and each shows on both sides or on neither",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const keys = span(0, 3).map(() => fresh(context));
      for (const key of keys) await apply(store, owner, { ...creation(key), counters: [{ name: "sum", by: 10 }] });
      const { values, errors } = await race(60, async (index) => {
        const from = present("a record", keys[context.random(4)]);
        const to = present("a record", keys.filter((key) => key !== from)[context.random(3)]);
        const { ok } = await store.commit(owner, [
          { ...appending(to, "log", `${index}`), counters: [{ name: "sum", by: 3 }] },
          { ...appending(from, "log", `${index}`), counters: [{ name: "sum", by: -3, min: 0 }] },
        ]);
        return ok ? `${index}` : undefined;
      });
      same("errors", errors, []);
      const done = values.filter((value) => value !== undefined);
      holds("transfers", done.length > 0, done.length, "some that were possible");
      const records = await Promise.all(keys.map((key) => live(store, owner, key)));
      same(
        "the total",
        records.reduce((sum, { counters }) => sum + (counters.get("sum") ?? 0), 0),
        40,
      );
      const logs = await Promise.all(keys.map((key) => eventsOf(store, owner, key, "log")));
      same("what both sides logged", logs.flatMap(dataOf).sort(), [...done, ...done].sort());
    },
  },
  {
    id: "A6",
    group,
    text: "document, counters, events and expiry of one change are seen together by every reader",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version: first } = await make(store, owner, key, "0", { idleMs: 60_000 });
      let writing = true;
      const { errors } = await race(5, async (index) => {
        if (index > 0) return repeatWhile(() => writing, readOnce);
        try {
          for (let round = 1; round <= 40; round += 1) {
            const change = { ...appending(key, "log", `${round}`), counters: [{ name: "n", by: 1 }] };
            await apply(store, owner, {
              ...change,
              document: { text: `${round}` },
              lifetime: { idleMs: 60_000 + round },
            });
          }
        } finally {
          writing = false;
        }
      });
      same("errors", errors, []);

      async function readOnce(): Promise<void> {
        const { record, tails } = await store.read(owner, key, {
          tails: [{ stream: "log", after: { last: 1 }, limit: 1 }],
        });
        const { document, counters, streams, version, lifetime } = present("the record", record);
        const round = Number(document);
        const seen = {
          version: version - first,
          counter: counters.get("n") ?? 0,
          head: streams.get("log")?.head ?? 0,
          newest: tails[0]?.[0]?.data ?? "0",
          idleMs: lifetime.idleMs,
        };
        same("what goes together", seen, {
          version: round,
          counter: round,
          head: round,
          newest: `${round}`,
          idleMs: 60_000 + round,
        });
      }
    },
  },
  {
    id: "A7",
    group,
    text: "the end comes after everything else in a change: what is retained includes the last word",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key, "{}", { retainMs: 3_600_000 });
      const change = {
        ...appending(key, "log", "farewell"),
        document: { text: '"last"' },
        counters: [{ name: "n", by: 1 }],
      };
      const result = await apply(store, owner, { ...change, end: true });
      same("results", [result.counters.get("n"), result.heads.get("log")], [1, 1]);
      same("absent to readers", await isAbsent(store, owner, key), true);
      const dump = present("the dump", await store.admin.export(owner, key));
      same("the document", dump.record.document, '"last"');
      same("the counter", dump.record.counters.get("n"), 1);
      same("the events", dataOf(dump.events["log"] ?? []), ["farewell"]);
    },
  },
  {
    id: "A8",
    group,
    text: "of twenty commits that end one record and make another, one does both and the others neither",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const old = fresh(context);
      await make(store, owner, old);
      const heirs = span(1, 20).map(() => fresh(context));
      const { values, errors } = await race(heirs.length, (index) => {
        const heir = heirs[index] ?? fresh(context);
        return store.commit(owner, [creation(heir, `${index}`), { ...old, expect: "present", end: true }]);
      });
      same("errors", errors, []);
      same("how many were accepted", values.filter(({ ok }) => ok).length, 1);
      same("the old record is absent", await isAbsent(store, owner, old), true);
      const absent = await Promise.all(heirs.map((heir) => isAbsent(store, owner, heir)));
      same(
        "which heirs are absent",
        absent,
        values.map(({ ok }) => !ok),
      );
    },
  },
];

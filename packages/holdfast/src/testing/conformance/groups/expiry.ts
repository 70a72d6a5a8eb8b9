import type { Change } from "../../../record/change.ts";
import { holds, same } from "../check.ts";
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
  refusal,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "expiry";
const rule = "4";
const minute = 60_000;

export const expiry: readonly Requirement[] = [
  {
    id: "E1",
    group,
    text: "a record is there until its idle lifetime is over, and absent from that moment on",
    rule,
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { at, results } = await accepted(store, owner, [creation(key, "{}", { idleMs: 10 * minute })]);
      same("expiresAt", results[0]?.expiresAt, at + 10 * minute);
      await context.elapse(9 * minute);
      same("expiresAt as read", (await live(store, owner, key)).expiresAt, at + 10 * minute);
      await context.elapse(minute);
      same("absent", await isAbsent(store, owner, key), true);
    },
  },
  {
    id: "E2",
    group,
    text: "sliding extends an idle lifetime, but never beyond the absolute one",
    rule,
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { at } = await accepted(store, owner, [
        creation(key, "{}", { idleMs: 10 * minute, absoluteMs: 25 * minute }),
      ]);
      await context.elapse(8 * minute);
      const slid = await accepted(store, owner, [{ ...key, expect: "present", slide: true }]);
      same("slid once", slid.results[0]?.expiresAt, slid.at + 10 * minute);
      await context.elapse(9 * minute);
      same(
        "slid twice",
        (await apply(store, owner, { ...key, expect: "present", slide: true })).expiresAt,
        at + 25 * minute,
      );
      same("the deadline", (await live(store, owner, key)).deadlineAt, at + 25 * minute);
      await context.elapse(7 * minute);
      await apply(store, owner, { ...key, expect: "present", slide: true });
      await context.elapse(minute);
      same("absent after its absolute lifetime", await isAbsent(store, owner, key), true);
    },
  },
  {
    id: "E3",
    group,
    text: "sliding moves the expiry only when more than a twentieth of the idle lifetime is gained",
    rule: "lazy-slide",
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { at } = await accepted(store, owner, [creation(key, "{}", { idleMs: 100 * minute })]);
      const slide = { ...key, expect: "present", slide: true } as const;
      await context.elapse(4 * minute);
      same("after four hundredths", (await apply(store, owner, slide)).expiresAt, at + 100 * minute);
      same("as read", (await live(store, owner, key)).expiresAt, at + 100 * minute);
      await context.elapse(2 * minute);
      const slid = await accepted(store, owner, [slide]);
      same("after six hundredths", slid.results[0]?.expiresAt, slid.at + 100 * minute);
      await context.elapse(2 * minute);
      same("two hundredths later", (await apply(store, owner, slide)).expiresAt, slid.at + 100 * minute);
    },
  },
  {
    id: "E4",
    group,
    text: "a commit that does not slide leaves the expiry where it is",
    rule: "commit",
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { at } = await accepted(store, owner, [creation(key, "{}", { idleMs: 10 * minute })]);
      await context.elapse(6 * minute);
      const change = { ...appending(key, "log", "x"), document: { text: "1" }, counters: [{ name: "n", by: 1 }] };
      same("expiresAt", (await apply(store, owner, change)).expiresAt, at + 10 * minute);
      await store.read(owner, key);
      await context.elapse(4 * minute);
      same("absent", await isAbsent(store, owner, key), true);
    },
  },
  {
    id: "E5",
    group,
    text: "an expired record is absent for every call: it is not read, listed, counted, changed, or a fence",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      // Retention keeps the content, yet for audit only.
      const { version } = await make(store, owner, key, '"secret"', { idleMs: 300, retainMs: 3_600_000 });
      await apply(store, owner, appending(key, "log", "secret"));
      await context.elapse(350);
      const answer = await store.read(owner, key, { tails: [{ stream: "log", after: 0, limit: 9 }] });
      same("read", [answer.record, answer.tails], [undefined, [[]]]);
      same("events", await store.events(owner, key, "log", { limit: 9 }), undefined);
      same("list", await listed(store, owner, key.kind), []);
      const usage = await store.usage(owner);
      same("usage", [usage.records, usage.byKind[key.kind] ?? 0], [0, 0]);
      const changes: readonly Change[] = [
        { ...key, expect: "present", slide: true },
        { ...key, expect: version, document: { text: "1" } },
        { ...key, expect: "present", lifetime: {} },
        { ...key, expect: "any", counters: [{ name: "n", by: 1 }] },
        { ...key, expect: "present", end: true },
      ];
      for (const change of changes) {
        const refused = await refusal(store, owner, [change]);
        holds(
          JSON.stringify(change),
          refused.reason === "version" && refused.actual === undefined,
          refused,
          "a version refusal without `actual`",
        );
      }
      const fenced = await refusal(store, owner, [creation(fresh(context))], { fence: { key, token: version } });
      same("as a fence", fenced.reason, "fence");
    },
  },
  {
    id: "E6",
    group,
    text: "an ended record is absent for every call at once",
    rule: "read",
    test: async (context) => {
      const { store } = context;
      for (const retainMs of [0, 3_600_000]) {
        const owner = context.owner();
        const key = fresh(context);
        const { version } = await make(store, owner, key, '"secret"', { retainMs });
        await apply(store, owner, { ...appending(key, "log", "secret"), end: true });
        const answer = await store.read(owner, key, { tails: [{ stream: "log", after: 0, limit: 9 }] });
        same("read", [answer.record, answer.tails], [undefined, [[]]]);
        same("events", await store.events(owner, key, "log", { limit: 9 }), undefined);
        same("list", await listed(store, owner, key.kind), []);
        same("usage", (await store.usage(owner)).records, 0);
        for (const expect of ["present", version] as const) {
          same(
            `a change expecting ${expect}`,
            (await refusal(store, owner, [{ ...key, expect, end: true }])).reason,
            "version",
          );
        }
      }
    },
  },
  {
    id: "E7",
    group,
    text: "a short lifetime ends by the store's own clock, without anybody sweeping",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key, "{}", { absoluteMs: 400 });
      same("at first", await isAbsent(store, owner, key), false);
      await context.elapse(200);
      same("half-way", await isAbsent(store, owner, key), false);
      await context.elapse(250);
      same("afterwards", await isAbsent(store, owner, key), true);
    },
  },
  {
    id: "E8",
    group,
    text: "a new lifetime replaces the old one and starts from now; an empty one never ends",
    rule: "commit",
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key, "{}", { idleMs: 10 * minute, absoluteMs: 20 * minute });
      await context.elapse(9 * minute);
      const { at, results } = await accepted(store, owner, [
        { ...key, expect: "present", lifetime: { absoluteMs: 30 * minute } },
      ]);
      same("expiresAt", results[0]?.expiresAt, at + 30 * minute);
      const record = await live(store, owner, key);
      same(
        "as read",
        [record.lifetime.idleMs, record.lifetime.absoluteMs, record.deadlineAt, record.expiresAt],
        [undefined, 30 * minute, at + 30 * minute, at + 30 * minute],
      );
      await context.elapse(29 * minute);
      same(
        "without an end",
        (await apply(store, owner, { ...key, expect: "present", lifetime: {} })).expiresAt,
        undefined,
      );
      await context.elapse(400 * 24 * 60 * minute);
      same("a year later", (await live(store, owner, key)).expiresAt, undefined);
    },
  },
  {
    id: "E9",
    group,
    text: "times are the store's: created once, updated by document changes, touched by every commit",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const made = await accepted(store, owner, [creation(key)]);
      await context.elapse(20);
      const touched = await accepted(store, owner, [counting(key, { name: "n", by: 1 })]);
      const first = await live(store, owner, key);
      same("after a count", [first.createdAt, first.updatedAt, first.touchedAt], [made.at, made.at, touched.at]);
      await context.elapse(20);
      const updated = await accepted(store, owner, [{ ...key, expect: "present", document: { text: "1" } }]);
      const second = await live(store, owner, key);
      same(
        "after an update",
        [second.createdAt, second.updatedAt, second.touchedAt],
        [made.at, updated.at, updated.at],
      );
      const { at } = await store.read(owner, key);
      holds(
        "the clock",
        made.at < touched.at && touched.at < updated.at && updated.at <= at,
        [made.at, touched.at, updated.at, at],
        "going forward",
      );
    },
  },
  {
    id: "E10",
    group,
    text: "a refused or fenced-off commit slides nothing",
    rule: "no-lost-update",
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version } = await make(store, owner, key, "{}", { idleMs: 10 * minute });
      await context.elapse(5 * minute);
      const before = await everythingOf(store, owner, key);
      await refusal(store, owner, [{ ...key, expect: version + 1, slide: true }]);
      await refusal(store, owner, [{ ...key, expect: "present", slide: true }], { fence: { key, token: version + 1 } });
      same("the record", await everythingOf(store, owner, key), before);
    },
  },
  {
    id: "E11",
    group,
    text: "an expired record that is made again is new: its own lifetime, its own creation time, last in the listing",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [key, other] = [fresh(context), fresh(context)];
      await make(store, owner, key, "{}", { absoluteMs: 100 });
      await make(store, owner, other);
      await context.elapse(150);
      const { at, results } = await accepted(store, owner, [
        { ...key, expect: "any", create: { text: '"new"', lifetime: {} } },
      ]);
      same("created, expiresAt", [results[0]?.created, results[0]?.expiresAt], [true, undefined]);
      const record = await live(store, owner, key);
      same("document and createdAt", [record.document, record.createdAt], ['"new"', at]);
      same("the listing", await listed(store, owner, key.kind), [other.id, key.id]);
    },
  },
];

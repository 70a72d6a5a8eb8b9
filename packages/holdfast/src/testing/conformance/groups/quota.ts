import type { Owner } from "../../../record/record.ts";
import type { Store } from "../../../store/contract.ts";
import { race } from "../../race.ts";
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
  live,
  make,
  refusal,
  span,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "usage and quota";
const rule = "exact-quota";

export const quota: readonly Requirement[] = [
  {
    id: "Q1",
    group,
    text: "usage counts live records, in all and by kind, and the UTF-8 bytes of documents and events",
    rule: "usage",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      same("of a new owner", await usageOf(store, owner), [0, 0, {}]);
      const key = fresh(context);
      await make(store, owner, key, "é€");
      await make(store, owner, fresh(context, "other"), "ab");
      same("of two records", await usageOf(store, owner), [2, 7, { note: 1, other: 1 }]);
      await apply(store, owner, { ...appending(key, "log", "😀", "xyz"), document: { text: "1" } });
      same("after a change", await usageOf(store, owner), [2, 10, { note: 1, other: 1 }]);
      await apply(store, owner, { ...key, expect: "present", trims: [{ stream: "log", through: 1 }] });
      same("after a trim", await usageOf(store, owner), [2, 6, { note: 1, other: 1 }]);
      await apply(store, owner, {
        ...key,
        expect: "present",
        appends: [{ stream: "log", data: ["12345", "1"], keep: 1 }],
      });
      same("after an append that keeps one", await usageOf(store, owner), [2, 4, { note: 1, other: 1 }]);
    },
  },
  {
    id: "Q2",
    group,
    text: "what has ended is out of the counts, and without retention its bytes are too",
    rule: "usage",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key, "12345");
      await apply(store, owner, appending(key, "log", "12345"));
      await apply(store, owner, { ...key, expect: "present", end: true });
      same("after the end", await usageOf(store, owner), [0, 0, {}]);
      await make(store, owner, key, "1");
      same("made again", await usageOf(store, owner), [1, 1, { note: 1 }]);
    },
  },
  {
    id: "Q3",
    group,
    text: "expired records leave the counts at once and make room for new ones",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      for (const _ of span(1, 3)) await make(store, owner, fresh(context), "{}", { absoluteMs: 300 });
      const limit = { quota: { records: 3, ofKind: { note: 3 } } };
      same("while they live", (await refusal(store, owner, [creation(fresh(context))], limit)).reason, "quota");
      await context.elapse(350);
      const usage = await store.usage(owner);
      same("counts afterwards", [usage.records, usage.byKind["note"] ?? 0], [0, 0]);
      for (const _ of span(1, 3)) await accepted(store, owner, [creation(fresh(context))], limit);
      same("one too many", (await refusal(store, owner, [creation(fresh(context))], limit)).reason, "quota");
    },
  },
  {
    id: "Q4",
    group,
    text: "of two hundred parallel creations under a quota of fifty records, fifty succeed",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const { values, errors } = await race(200, () =>
        store.commit(owner, [creation(fresh(context))], { quota: { records: 50 } }),
      );
      same("errors", errors, []);
      same("how many succeeded", values.filter(({ ok }) => ok).length, 50);
      for (const answer of values) {
        if (!answer.ok) same("a refusal", answer.refusal, { reason: "quota", quota: "records", limit: 50 });
      }
      same("records", (await store.usage(owner)).records, 50);
    },
  },
  {
    id: "Q5",
    group,
    text: "a kind's quota counts that kind alone, exactly, under parallel creation",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      for (const _ of span(1, 5)) await make(store, owner, fresh(context, "other"));
      const { values, errors } = await race(60, () =>
        store.commit(owner, [creation(fresh(context)), creation(fresh(context))], { quota: { ofKind: { note: 11 } } }),
      );
      same("errors", errors, []);
      same("how many succeeded", values.filter(({ ok }) => ok).length, 5);
      const refusals = values.flatMap((answer) => (answer.ok ? [] : [answer.refusal]));
      same("a refusal", refusals[0], { reason: "quota", quota: "kind", limit: 11 });
      same("by kind", (await store.usage(owner)).byKind, { note: 10, other: 5 });
    },
  },
  {
    id: "Q6",
    group,
    text: "a quota of bytes is exact under parallel appends and creations",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key, "12345");
      const { values, errors } = await race(60, (index) => {
        const change = index % 2 === 0 ? appending(key, "log", "1234567890") : creation(fresh(context), "1234567890");
        return store.commit(owner, [change], { quota: { bytes: 208 } });
      });
      same("errors", errors, []);
      same("how many succeeded", values.filter(({ ok }) => ok).length, 20);
      const refusals = values.flatMap((answer) => (answer.ok ? [] : [answer.refusal]));
      same("a refusal", refusals[0], { reason: "quota", quota: "bytes", limit: 208 });
      same("bytes", (await store.usage(owner)).bytes, 205);
    },
  },
  {
    id: "Q7",
    group,
    text: "beyond a quota, replacing by less, counting, sliding, trimming, ending and reading still work",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key, "1234567890", { idleMs: 60_000 });
      await apply(store, owner, appending(key, "log", "12345"));
      const tight = { quota: { records: 0, ofKind: { note: 0 }, bytes: 1 } };
      same(
        "replacing by more",
        (await refusal(store, owner, [{ ...key, expect: "present", document: { text: "12345678901" } }], tight)).reason,
        "quota",
      );
      await apply(store, owner, { ...key, expect: "present", document: { text: "1234567890" } }, tight);
      await apply(store, owner, { ...key, expect: "present", document: { text: "12345" } }, tight);
      await apply(store, owner, { ...counting(key, { name: "n", by: 1 }), slide: true }, tight);
      await apply(store, owner, { ...key, expect: "present", trims: [{ stream: "log", through: 1 }] }, tight);
      same("reading", (await live(store, owner, key)).document, "12345");
      await apply(store, owner, { ...key, expect: "present", end: true }, tight);
      same("ended", await isAbsent(store, owner, key), true);
    },
  },
  {
    id: "Q8",
    group,
    text: "a commit refused by a quota writes nothing, and what it weighs is the whole commit",
    rule: "atomic-unit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [old, made] = [fresh(context), fresh(context)];
      await make(store, owner, old, "1234567890");
      const before = await everythingOf(store, owner, old);
      const swap = [{ ...appending(old, "log", "x"), document: { text: "" } }, creation(made, "1234567890")] as const;
      same("one byte too many", (await refusal(store, owner, swap, { quota: { bytes: 10 } })).reason, "quota");
      same("the first record", await everythingOf(store, owner, old), before);
      same("the second", await isAbsent(store, owner, made), true);
      await accepted(store, owner, swap, { quota: { bytes: 11 } });
      const [gone, heir] = [old, fresh(context)];
      await accepted(store, owner, [{ ...gone, expect: "present", end: true }, creation(heir)], {
        quota: { records: 2, ofKind: { note: 2 } },
      });
    },
  },
  {
    id: "Q9",
    group,
    text: "records of the engine's own kinds count for no quota of records, but their bytes do",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const none = { quota: { records: 0, ofKind: { "holdfast.inner": 0 } } };
      await accepted(store, owner, [creation(fresh(context, "holdfast.inner"), "12345")], none);
      const usage = await store.usage(owner);
      same("records and bytes", [usage.records, usage.bytes], [0, 5]);
      const tight = { quota: { bytes: 6 } };
      const answer = await refusal(store, owner, [creation(fresh(context, "holdfast.inner"), "12345")], tight);
      same("the refusal", answer, { reason: "quota", quota: "bytes", limit: 6 });
      same("another record", (await refusal(store, owner, [creation(fresh(context))], none)).reason, "quota");
    },
  },
  {
    id: "Q10",
    group,
    text: "quotas of one owner leave others alone",
    rule: "3",
    test: async (context) => {
      const { store } = context;
      const [full, other] = [context.owner(), context.owner()];
      const limit = { quota: { records: 1, bytes: 2, ofKind: { note: 1 } } };
      await accepted(store, full, [creation(fresh(context))], limit);
      same("the full owner", (await refusal(store, full, [creation(fresh(context))], limit)).reason, "quota");
      await accepted(store, other, [creation(fresh(context))], limit);
    },
  },
  {
    id: "Q11",
    group,
    text: "usage stays exact through a storm of creations, changes, ends and re-creations",
    rule: "usage",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const keys = span(1, 8).map((index) => fresh(context, index % 2 === 0 ? "note" : "other"));
      const { errors } = await race(8, async () => {
        for (let round = 0; round < 12; round += 1) {
          const key = keys[context.random(keys.length)] ?? fresh(context);
          const text = "x".repeat(context.random(40));
          const create = { text, lifetime: {} };
          const append = {
            stream: "log",
            data: ["y".repeat(context.random(20))],
            ...(context.random(2) === 0 && { keep: 2 }),
          };
          await store.commit(owner, [
            { ...key, expect: "any", create, document: { text }, appends: [append], end: context.random(4) === 0 },
          ]);
        }
      });
      same("errors", errors, []);
      let bytes = 0;
      const byKind: Record<string, number> = {};
      for (const key of keys) {
        const { record, tails } = await store.read(owner, key, { tails: [{ stream: "log", after: 0, limit: 10_000 }] });
        if (record === undefined) continue;
        byKind[key.kind] = (byKind[key.kind] ?? 0) + 1;
        bytes += record.document.length + (tails[0] ?? []).reduce((sum, { data }) => sum + data.length, 0);
        holds(
          "documentBytes",
          record.documentBytes === record.document.length,
          record.documentBytes,
          `${record.document.length}`,
        );
      }
      const records = Object.values(byKind).reduce((sum, count) => sum + count, 0);
      same("usage", await usageOf(store, owner), [records, bytes, byKind]);
    },
  },
];

async function usageOf(store: Store, owner: Owner): Promise<unknown> {
  const { records, bytes, byKind } = await store.usage(owner);
  // A kind nothing is left of may be named with 0 or not at all.
  return [records, bytes, Object.fromEntries(Object.entries(byKind).filter(([, count]) => count !== 0))];
}

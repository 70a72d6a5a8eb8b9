import type { CommitId } from "../../../store/contract.ts";
import { race } from "../../race.ts";
import { present, rejects, same } from "../check.ts";
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
  reaped,
  refusal,
  span,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "commit ids";
const rule = "6";
const hour = 3_600_000;

function caller(id: string, digest = "digest"): { readonly commitId: CommitId } {
  return { commitId: { id, digest, origin: "caller" } };
}

function internal(id: string, digest = "digest"): { readonly commitId: CommitId } {
  return { commitId: { id, digest, origin: "internal" } };
}

export const commitIds: readonly Requirement[] = [
  {
    id: "I1",
    group,
    text: "the same id with the same digest is applied once and answers the first outcome",
    rule,
    test: async (context) => {
      const { store } = context;
      for (const options of [caller("once"), internal("once")]) {
        const owner = context.owner();
        const key = fresh(context);
        await make(store, owner, key);
        const change = { ...appending(key, "log", "x"), document: { text: "1" }, counters: [{ name: "n", by: 1 }] };
        const first = await accepted(store, owner, [change], options);
        same("the first answer", first.replayed, false);
        for (let repeat = 0; repeat < 3; repeat += 1) {
          const again = await accepted(store, owner, [change], options);
          same("a repeat", [again.replayed, again.results], [true, first.results]);
        }
        const record = await live(store, owner, key);
        same(
          "what was applied",
          [record.version, record.counters.get("n"), record.streams.get("log")?.head],
          [first.results[0]?.version, 1, 1],
        );
      }
    },
  },
  {
    id: "I2",
    group,
    text: "the same id with another digest is refused and writes nothing",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, counting(key, { name: "n", by: 1 }), caller("once", "one intent"));
      const before = await everythingOf(store, owner, key);
      const answer = await refusal(
        store,
        owner,
        [counting(key, { name: "n", by: 2 })],
        caller("once", "another intent"),
      );
      same("the refusal", answer, { reason: "commit-id" });
      same("the record afterwards", await everythingOf(store, owner, key), before);
    },
  },
  {
    id: "I3",
    group,
    text: "of thirty commits with one id at once, one is applied and all get its outcome",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const { values, errors } = await race(30, () =>
        accepted(store, owner, [counting(key, { name: "n", by: 1 })], caller("once")),
      );
      same("errors", errors, []);
      same("how many were no replay", values.filter(({ replayed }) => !replayed).length, 1);
      for (const { results } of values) same("results", results[0]?.counters, new Map([["n", 1]]));
      same("the counter", (await live(store, owner, key)).counters.get("n"), 1);
    },
  },
  {
    id: "I4",
    group,
    text: "an outcome keeps versions, positions, counters and expiry of every change, in order, with the time it was decided",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [a, b] = [fresh(context), fresh(context)];
      await make(store, owner, a);
      const changes = [
        {
          ...appending(a, "log", "x", "y"),
          counters: [
            { name: "__proto__", by: 2 },
            { name: "n", by: -3 },
          ],
        },
        { ...creation(b, "{}", { idleMs: 3_600_000 }), counters: [{ name: "m", by: 9_007_199_254_740_991 }] },
      ] as const;
      const first = await accepted(store, owner, changes, caller("once"));
      // What happens in between must not show in the remembered outcome.
      await apply(store, owner, { ...counting(a, { name: "n", by: 50 }), document: { text: "1" } });
      await context.elapse(20);
      const again = await accepted(store, owner, changes, caller("once"));
      same("the outcome again", [again.at, again.results], [first.at, first.results]);
      same(
        "counters of the first change",
        again.results[0]?.counters,
        new Map([
          ["__proto__", 2],
          ["n", -3],
        ]),
      );
      same("heads of the first change", again.results[0]?.heads, new Map([["log", 2]]));
      same(
        "created",
        again.results.map(({ created }) => created),
        [false, true],
      );
      const { outcome } = await store.read(owner, a, { commitId: "once" });
      same("the outcome read", outcome, { digest: "digest", at: first.at, results: first.results });
    },
  },
  {
    id: "I5",
    group,
    text: "the id is looked up before expectations, fence and quota are",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [key, lease] = [fresh(context), fresh(context, "lease")];
      const { version } = await make(store, owner, key);
      const { version: token } = await make(store, owner, lease);
      const made = creation(fresh(context));
      const changes = [{ ...key, expect: version, document: { text: "1" }, end: true }, made] as const;
      const options = { ...caller("once"), fence: { key: lease, token }, quota: { records: 3 } };
      const first = await accepted(store, owner, changes, options);
      await apply(store, owner, { ...lease, expect: "present", document: { text: "1" } });
      const again = await accepted(store, owner, changes, { ...options, quota: { records: 0, bytes: 0 } });
      same("the replay", [again.replayed, again.results], [true, first.results]);
      const changed = await refusal(store, owner, changes, { ...options, ...caller("once", "another") });
      same("another digest", changed.reason, "commit-id");
    },
  },
  {
    id: "I6",
    group,
    text: "a refused commit is not remembered: the same id may succeed later",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const change = counting(key, { name: "n", by: 1 });
      same("while absent", (await refusal(store, owner, [change], caller("once"))).reason, "version");
      same("its outcome", (await store.read(owner, key, { commitId: "once" })).outcome, undefined);
      await make(store, owner, key);
      const answer = await accepted(store, owner, [change], caller("once", "even with another digest"));
      same("once it is there", [answer.replayed, answer.results[0]?.counters.get("n")], [false, 1]);
    },
  },
  {
    id: "I7",
    group,
    text: "a caller's id is remembered for 24 hours, whatever happens to its record",
    rule,
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const change = { ...creation(key, "{}", { absoluteMs: hour }), counters: [{ name: "n", by: 1 }] };
      const first = await accepted(store, owner, [change], caller("once"));
      await context.elapse(12 * hour);
      await reaped(store, owner);
      same("the record is gone", await store.admin.inspect(owner, key), undefined);
      await context.elapse(12 * hour - 60_000);
      const again = await accepted(store, owner, [change], caller("once"));
      same("a minute before", [again.replayed, again.results], [true, first.results]);
      same("still absent", await isAbsent(store, owner, key), true);
    },
  },
  {
    id: "I8",
    group,
    text: "after its window a caller's id is forgotten",
    rule,
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, counting(key, { name: "n", by: 1 }), caller("once"));
      await context.elapse(25 * hour);
      same("the outcome", (await store.read(owner, key, { commitId: "once" })).outcome, undefined);
      const again = await accepted(
        store,
        owner,
        [counting(key, { name: "n", by: 1 })],
        caller("once", "another intent"),
      );
      same("the commit afterwards", [again.replayed, again.results[0]?.counters.get("n")], [false, 2]);
      const repeat = await accepted(
        store,
        owner,
        [counting(key, { name: "n", by: 1 })],
        caller("once", "another intent"),
      );
      same("and its repeat", repeat.replayed, true);
    },
  },
  {
    id: "I9",
    group,
    text: "an internal id is remembered for ten minutes",
    rule,
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, counting(key, { name: "n", by: 1 }), internal("once"));
      await context.elapse(9 * 60_000);
      const again = await accepted(store, owner, [counting(key, { name: "n", by: 1 })], internal("once"));
      same("a minute before", [again.replayed, again.results[0]?.counters.get("n")], [true, 1]);
    },
  },
  {
    id: "I10",
    group,
    text: "at least the last 64 internal ids of a record are remembered, whatever happens to other records",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [key, other] = [fresh(context), fresh(context)];
      await make(store, owner, key);
      await make(store, owner, other);
      for (const index of span(1, 70)) {
        await apply(store, owner, counting(key, { name: "n", by: 1 }), internal(`id ${index}`));
        await apply(store, owner, counting(other, { name: "n", by: 1 }), internal(`other ${index}`));
      }
      for (const index of span(7, 70)) {
        const again = await accepted(store, owner, [counting(key, { name: "n", by: 1 })], internal(`id ${index}`));
        same(`id ${index}`, [again.replayed, again.results[0]?.counters.get("n")], [true, index]);
      }
    },
  },
  {
    id: "I11",
    group,
    text: "internal ids never displace a caller's",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, counting(key, { name: "n", by: 1 }), caller("once"));
      for (const index of span(1, 100))
        await apply(store, owner, counting(key, { name: "m", by: 1 }), internal(`id ${index}`));
      const again = await accepted(store, owner, [counting(key, { name: "n", by: 1 })], caller("once"));
      same("the caller's id", again.replayed, true);
    },
  },
  {
    id: "I12",
    group,
    text: "ids of two owners have nothing to do with each other",
    rule: "3",
    test: async (context) => {
      const { store } = context;
      const [one, two] = [context.owner(), context.owner()];
      const key = fresh(context);
      const change = { ...creation(key), counters: [{ name: "n", by: 1 }] };
      await accepted(store, one, [change], caller("once", "one intent"));
      const answer = await accepted(store, two, [change], caller("once", "another intent"));
      same("the second owner's commit", answer.replayed, false);
      same("a stranger's outcome", (await store.read(context.owner(), key, { commitId: "once" })).outcome, undefined);
    },
  },
  {
    id: "I13",
    group,
    text: "`read` answers the outcome of an id also where there is no record, and nothing for an unknown id",
    rule: "read",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const { at, results } = await accepted(store, owner, [{ ...key, expect: "present", end: true }], caller("end"));
      const answer = await store.read(owner, key, { commitId: "end" });
      same("record and outcome", [answer.record, answer.outcome], [undefined, { digest: "digest", at, results }]);
      same("an unknown id", (await store.read(owner, key, { commitId: "unknown" })).outcome, undefined);
    },
  },
  {
    id: "I14",
    group,
    text: "ids have 1 to 256 characters of any well-formed text",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const ids = ["x".repeat(256), "ключ 🔑", "a'b\"c\\d%e_f", "__proto__", "a", "A", " a"];
      for (const id of ids) {
        same(
          `a first commit as ${id}`,
          (await accepted(store, owner, [counting(key, { name: "n", by: 1 })], caller(id))).replayed,
          false,
        );
        same(
          `a repeat as ${id}`,
          (await accepted(store, owner, [counting(key, { name: "n", by: 1 })], caller(id))).replayed,
          true,
        );
      }
      for (const id of ["", "x".repeat(257)]) {
        await rejects(`${id.length} characters`, "INVALID_ARGUMENT", () =>
          store.commit(owner, [counting(key, { name: "n", by: 1 })], caller(id)),
        );
      }
      same("how many were applied", (await live(store, owner, key)).counters.get("n"), ids.length);
    },
  },
  {
    id: "I15",
    group,
    text: "many ids in flight over few records are each applied once, however often they are repeated",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const keys = span(1, 3).map(() => fresh(context));
      for (const key of keys) await make(store, owner, key);
      const { values, errors } = await race(90, (index) => {
        const key = present("a key", keys[index % 3]);
        const options = index % 2 === 0 ? caller(`${index % 30}`) : internal(`${index % 30}`);
        return accepted(store, owner, [appending(key, "log", `${index % 30}`)], options);
      });
      same("errors", errors, []);
      same("how many were no replay", values.filter(({ replayed }) => !replayed).length, 30);
      const logs = await Promise.all(keys.map((key) => eventsOf(store, owner, key, "log")));
      same(
        "what was appended",
        logs
          .flatMap(dataOf)
          .map(Number)
          .sort((a, b) => a - b),
        span(0, 29),
      );
    },
  },
];

import { maxEventsPerCommit, maxLifetimeMs, maxNamesPerRecord, maxStepsPerChange } from "../../../record/record.ts";
import type { CommitId } from "../../../store/contract.ts";
import { race } from "../../race.ts";
import { holds, present, rejects, same } from "../check.ts";
import {
  accepted,
  appending,
  apply,
  counting,
  creation,
  dataOf,
  fresh,
  live,
  make,
  positionsOf,
  reaped,
  refusal,
  span,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "bounds";
const hour = 3_600_000;

function caller(id: string): { readonly commitId: CommitId } {
  return { commitId: { id, digest: "digest", origin: "caller" } };
}

export const bounds: readonly Requirement[] = [
  {
    id: "K1",
    group,
    text: "`maxBytes` ends a tail early, counted in UTF-8: the first after a position, the newest of the last few, one at least",
    rule: "read",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      // Forty bytes each, in half as many characters.
      await apply(store, owner, appending(key, "log", ...span(1, 6).map(() => "🔑".repeat(10))));
      const { tails } = await store.read(owner, key, {
        tails: [
          { stream: "log", after: 0, limit: 10, maxBytes: 80 },
          { stream: "log", after: "document", limit: 10, maxBytes: 1 },
          { stream: "log", after: 2, limit: 10, maxBytes: 0 },
          { stream: "log", after: { last: 5 }, limit: 10, maxBytes: 80 },
          { stream: "log", after: { last: 5 }, limit: 10, maxBytes: 0 },
          { stream: "log", after: { last: 5 }, limit: 10, maxBytes: 10_000 },
          { stream: "log", after: { last: 2 }, limit: 10, maxBytes: 10_000 },
          { stream: "log", after: 1, limit: 2, maxBytes: 10_000 },
        ],
      });
      same("the tails", tails.map(positionsOf), [[1, 2], [1], [3], [5, 6], [6], span(2, 6), [5, 6], [2, 3]]);
      for (const maxBytes of [-1, 1.5, Number.NaN]) {
        await rejects(`maxBytes ${maxBytes}`, "INVALID_ARGUMENT", () =>
          store.read(owner, key, { tails: [{ stream: "log", after: 0, limit: 5, maxBytes }] }),
        );
      }
    },
  },
  {
    id: "K2",
    group,
    text: "`maxBytes` of a page of events counts UTF-8 bytes, not characters",
    rule: "events",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, appending(key, "log", ...span(1, 6).map(() => "é€".repeat(20))));
      for (const [order, expected] of [
        ["oldest", [1, 2]],
        ["newest", [6, 5]],
      ] as const) {
        const page = present("a page", await store.events(owner, key, "log", { limit: 10, maxBytes: 200, order }));
        same(`${order} first`, [positionsOf(page.events), page.more], [expected, true]);
        same("the data", new Set(dataOf(page.events)), new Set(["é€".repeat(20)]));
      }
    },
  },
  {
    id: "K3",
    group,
    text: "lifetimes last up to a hundred years, and one that does disturbs nothing; longer ones are invalid arguments",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [long, other] = [fresh(context), fresh(context)];
      const most = { idleMs: maxLifetimeMs, absoluteMs: maxLifetimeMs, retainMs: maxLifetimeMs };
      const { at } = await accepted(store, owner, [creation(long, "{}", most)]);
      await make(store, owner, other);
      same("expiresAt", (await live(store, owner, long)).expiresAt, at + maxLifetimeMs);
      same("another record of the owner", (await live(store, owner, other)).document, "{}");
      await accepted(store, owner, [creation(fresh(context))], { quota: { records: 3 } });
      await apply(store, owner, { ...long, expect: "present", end: true });
      same("records", (await store.usage(owner)).records, 2);
      for (const name of ["idleMs", "absoluteMs", "retainMs"]) {
        for (const ms of [maxLifetimeMs + 1, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY]) {
          const lifetime = { [name]: ms };
          await rejects(`${name} ${ms} of a new record`, "INVALID_ARGUMENT", () =>
            store.commit(owner, [creation(fresh(context), "{}", lifetime)]),
          );
          await rejects(`${name} ${ms} of one that stands`, "INVALID_ARGUMENT", () =>
            store.commit(owner, [{ ...other, expect: "present", lifetime }]),
          );
        }
      }
    },
  },
  {
    id: "K4",
    group,
    text: "a quota of callers' commit ids is exact under parallel commits, and stops nobody else and nothing without such an id",
    rule: "exact-quota",
    test: async (context) => {
      const { store } = context;
      const [full, other] = [context.owner(), context.owner()];
      const key = fresh(context);
      for (const owner of [full, other]) await make(store, owner, key);
      const step = [counting(key, { name: "n", by: 1 })];
      const quota = { commitIds: 20 };
      const { values, errors } = await race(60, (index) => store.commit(full, step, { ...caller(`${index}`), quota }));
      same("errors", errors, []);
      same("how many succeeded", values.filter(({ ok }) => ok).length, 20);
      const refusals = values.flatMap((answer) => (answer.ok ? [] : [answer.refusal]));
      same("a refusal", refusals[0], { reason: "quota", quota: "commitIds", limit: 20 });
      same("what was counted", (await live(store, full, key)).counters.get("n"), 20);
      const known = values.findIndex(({ ok }) => ok);
      same("a repeat", (await accepted(store, full, step, { ...caller(`${known}`), quota })).replayed, true);
      await accepted(store, full, step, { quota });
      const internal = { id: "internal", digest: "digest", origin: "internal" } as const;
      await accepted(store, full, step, { commitId: internal, quota });
      await accepted(store, other, step, { ...caller("mine"), quota });
      same("still full", (await refusal(store, full, step, { ...caller("new"), quota })).reason, "quota");
      await store.admin.erase(full);
      await accepted(store, full, [creation(key)], { ...caller("new"), quota });
    },
  },
  {
    id: "K5",
    group,
    text: "commit ids past their time make room again, whether reaped or not, and reaping nothing but ids comes to an end",
    rule: "exact-quota",
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const step = [counting(key, { name: "n", by: 1 })];
      const fill = async (): Promise<void> => {
        const { values, errors } = await race(30, (index) =>
          store.commit(owner, step, { ...caller(`${index}`), quota: { commitIds: 30 } }),
        );
        same("errors", errors, []);
        holds(
          "thirty ids",
          values.every((answer) => answer.ok && !answer.replayed),
          values,
          "thirty fresh commits",
        );
        same(
          "one more",
          (await refusal(store, owner, step, { ...caller("more"), quota: { commitIds: 30 } })).reason,
          "quota",
        );
      };
      await fill();
      await context.elapse(25 * hour);
      // Not reaped: the same ids are new ones, and take the places of what they were.
      await fill();
      await context.elapse(25 * hour);
      await reaped(store, owner);
      await fill();
    },
  },
  {
    id: "K6",
    group,
    text: "a record has at most 1,000 counters; a new one beyond is refused by quota, those that are there go on",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const names = span(1, maxNamesPerRecord).map((index) => ({ name: `c${index}`, by: 1 }));
      await apply(store, owner, counting(key, ...names.slice(0, -1)));
      const two = [counting(key, { name: "x", by: 1 }, { name: "y", by: 1 })];
      same("two where one has room", await refusal(store, owner, two), refusedBy("counters"));
      await apply(store, owner, counting(key, ...names.slice(-1)));
      const one = [{ ...counting(key, { name: "c1", by: 1 }, { name: "x", by: 0 }), document: { text: "1" } }];
      same("one too many", await refusal(store, owner, one), refusedBy("counters"));
      const { counters, document } = await live(store, owner, key);
      same("what stands", [counters.size, counters.get("c1"), document], [maxNamesPerRecord, 1, "{}"]);
      same("one that is there", (await apply(store, owner, counting(key, ...names))).counters.get("c1"), 2);
      const many = { ...creation(fresh(context)), counters: [...names, { name: "x", by: 1 }] };
      same("of a new record", await refusal(store, owner, [many]), refusedBy("counters"));
    },
  },
  {
    id: "K7",
    group,
    text: "a record has at most 1,000 streams, emptied ones included; a new one beyond is refused by quota, those that are there go on",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const appends = span(1, maxNamesPerRecord).map((index) => ({ stream: `s${index}`, data: ["x"] }));
      await apply(store, owner, { ...key, expect: "present", appends });
      await apply(store, owner, { ...key, expect: "present", trims: [{ stream: "s1", through: 1 }] });
      same("one too many", await refusal(store, owner, [appending(key, "x", "y")]), refusedBy("streams"));
      const { heads } = await apply(store, owner, appending(key, "s1", "y"));
      same("one that is there", heads.get("s1"), 2);
      const { streams } = await live(store, owner, key);
      same("what stands", [streams.size, streams.has("x")], [maxNamesPerRecord, false]);
    },
  },
  {
    id: "K8",
    group,
    text: "a commit appends up to 10,000 events, and a change has up to 2,000 counter changes, appends and trims; more are invalid arguments",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [one, other] = [fresh(context), fresh(context)];
      await make(store, owner, one);
      await make(store, owner, other);
      const half = span(1, maxEventsPerCommit / 2).map(String);
      const both = [appending(one, "log", ...half), appending(other, "log", ...half)];
      const { results } = await accepted(store, owner, both);
      same(
        "heads",
        results.map(({ heads }) => heads.get("log")),
        [half.length, half.length],
      );
      const tooMany = [appending(one, "log", ...half), appending(other, "log", ...half, "more")];
      await rejects("one event more", "INVALID_ARGUMENT", () => store.commit(owner, tooMany));
      const steps = span(0, maxStepsPerChange);
      const lists = {
        counters: steps.map(() => ({ name: "n", by: 1 })),
        appends: steps.map(() => ({ stream: "log", data: [] })),
        trims: steps.map((through) => ({ stream: "log", through })),
      };
      for (const [name, list] of Object.entries(lists)) {
        await rejects(`${list.length} ${name}`, "INVALID_ARGUMENT", () =>
          store.commit(owner, [{ ...one, expect: "present", [name]: list }]),
        );
        await apply(store, owner, { ...one, expect: "present", [name]: list.slice(1) });
      }
      const { counters, streams } = await live(store, owner, one);
      const stands = [counters.get("n"), streams.get("log")];
      same("what stands", stands, [maxStepsPerChange, { head: half.length, first: maxStepsPerChange + 1 }]);
    },
  },
];

function refusedBy(quota: "counters" | "streams"): unknown {
  return { reason: "quota", quota, limit: maxNamesPerRecord };
}

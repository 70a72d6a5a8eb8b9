import type { Store } from "../../../store/contract.ts";
import { race } from "../../race.ts";
import { holds, present, same } from "../check.ts";
import {
  accepted,
  appending,
  apply,
  counting,
  creation,
  eventsOf,
  fresh,
  isAbsent,
  listed,
  live,
  make,
  positionsOf,
  reaped,
  refusal,
  span,
  swept,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "several openings of one store";
const needs = ["peer"] as const;

export const peers: readonly Requirement[] = [
  {
    id: "P1",
    group,
    text: "what one opening acknowledged the next read of another shows, record by record and back and forth",
    rule: "read",
    needs,
    test: async (context) => {
      const both = [context.store, await context.peer()] as const;
      const owner = context.owner();
      const key = fresh(context);
      await make(both[0], owner, key, "0");
      for (let round = 1; round <= 30; round += 1) {
        // Several rounds one way, so that the reader sees changes it had no part in.
        const [writer, reader] = round % 8 < 4 ? both : ([both[1], both[0]] as const);
        const { version } = await apply(writer, owner, {
          ...appending(key, "log", `${round}`),
          document: { text: `${round}` },
          counters: [{ name: "n", by: 1 }],
        });
        const { record, tails } = await reader.read(owner, key, {
          tails: [{ stream: "log", after: { last: 1 }, limit: 1 }],
        });
        same(
          "what the other reads",
          [record?.version, record?.document, record?.counters.get("n"), tails[0]?.[0]?.data],
          [version, `${round}`, round, `${round}`],
        );
        same(
          "what the other lists",
          (await reader.list(owner, "note", { limit: 1, order: "oldest" })).records[0]?.version,
          version,
        );
      }
      await apply(both[1], owner, { ...key, expect: "present", end: true });
      same("an end", await isAbsent(both[0], owner, key), true);
      same("usage", (await both[0].usage(owner)).records, 0);
    },
  },
  {
    id: "P2",
    group,
    text: "of writers at two openings that expect one version, exactly one succeeds, again and again",
    rule: "no-lost-update",
    needs,
    test: async (context) => {
      const { store } = context;
      const peer = await context.peer();
      const owner = context.owner();
      const key = fresh(context);
      let { version } = await make(store, owner, key);
      for (let round = 0; round < 10; round += 1) {
        const { values, errors } = await race(10, (index) =>
          either(index, store, peer).commit(owner, [
            { ...key, expect: version, document: { text: `${round} ${index}` } },
          ]),
        );
        same("errors", errors, []);
        const winners = values.flatMap((answer, index) => (answer.ok ? [`${round} ${index}`] : []));
        same("winners", winners.length, 1);
        version += 1;
        for (const reader of [store, peer]) {
          const record = await live(reader, owner, key);
          same("version and document", [record.version, record.document], [version, winners[0]]);
        }
      }
    },
  },
  {
    id: "P3",
    group,
    text: "counters and positions are exact across openings",
    rule: "2",
    needs,
    test: async (context) => {
      const { store } = context;
      const peer = await context.peer();
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const { values, errors } = await race(80, (index) =>
        apply(either(index, store, peer), owner, {
          ...counting(key, { name: "n", by: 1 }),
          appends: [{ stream: "log", data: [`${index}`] }],
        }),
      );
      same("errors", errors, []);
      const numbers = (of: (result: (typeof values)[number]) => number | undefined): readonly number[] =>
        values.map((result) => of(result) ?? 0).sort((a, b) => a - b);
      same(
        "values answered",
        numbers(({ counters }) => counters.get("n")),
        span(1, 80),
      );
      same(
        "heads answered",
        numbers(({ heads }) => heads.get("log")),
        span(1, 80),
      );
      for (const reader of [store, peer]) {
        same("the counter", (await live(reader, owner, key)).counters.get("n"), 80);
        same("the positions", positionsOf(await eventsOf(reader, owner, key, "log")), span(1, 80));
      }
    },
  },
  {
    id: "P4",
    group,
    text: "a commit id is applied once, whichever openings it arrives at",
    rule: "6",
    needs,
    test: async (context) => {
      const { store } = context;
      const peer = await context.peer();
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      for (const origin of ["caller", "internal"] as const) {
        const options = { commitId: { id: origin, digest: "d", origin } };
        const { values, errors } = await race(20, (index) =>
          accepted(either(index, store, peer), owner, [counting(key, { name: origin, by: 1 })], options),
        );
        same("errors", errors, []);
        same("how many were no replay", values.filter(({ replayed }) => !replayed).length, 1);
        same("the counter", (await live(peer, owner, key)).counters.get(origin), 1);
        const other = { commitId: { id: origin, digest: "another", origin } };
        same(
          "another digest",
          (await refusal(peer, owner, [counting(key, { name: origin, by: 1 })], other)).reason,
          "commit-id",
        );
      }
    },
  },
  {
    id: "P5",
    group,
    text: "quotas are exact across openings",
    rule: "exact-quota",
    needs,
    test: async (context) => {
      const { store } = context;
      const peer = await context.peer();
      const owner = context.owner();
      const { values, errors } = await race(200, (index) =>
        either(index, store, peer).commit(owner, [creation(fresh(context))], { quota: { records: 50 } }),
      );
      same("errors", errors, []);
      same("how many succeeded", values.filter(({ ok }) => ok).length, 50);
      same("records", [(await store.usage(owner)).records, (await peer.usage(owner)).records], [50, 50]);
    },
  },
  {
    id: "P6",
    group,
    text: "a fence granted at one opening holds at another",
    rule: "fencing",
    needs,
    test: async (context) => {
      const { store } = context;
      const peer = await context.peer();
      const owner = context.owner();
      const lease = fresh(context, "lease");
      const { version: token } = await make(store, owner, lease);
      await apply(peer, owner, creation(fresh(context)), { fence: { key: lease, token } });
      const { version: higher } = await apply(peer, owner, { ...lease, expect: token, document: { text: "1" } });
      const answer = await refusal(store, owner, [creation(fresh(context))], { fence: { key: lease, token } });
      same("the refusal", answer, { reason: "fence", token, actual: higher });
    },
  },
  {
    id: "P7",
    group,
    text: "a listing begun at one opening goes on at another, gapless while both write",
    rule: "list",
    needs,
    test: async (context) => {
      const { store } = context;
      const peer = await context.peer();
      const owner = context.owner();
      const keys = span(1, 12).map(() => fresh(context));
      for (const [index, key] of keys.entries()) await make(either(index, store, peer), owner, key);
      const seen: string[] = [];
      let after: string | undefined;
      for (let page = 0; page === 0 || (after !== undefined && page < 100); page += 1) {
        const { records, next } = await either(page, store, peer).list(owner, "note", {
          limit: 2,
          order: "oldest",
          after,
        });
        seen.push(...records.map(({ id }) => id));
        after = next;
        if (page < 5) await make(either(page, peer, store), owner, fresh(context));
        await apply(either(page, peer, store), owner, {
          ...present("a key", keys[page % 12]),
          expect: "present",
          document: { text: "1" },
        });
      }
      same(
        "what stood throughout",
        seen.filter((id) => keys.some((key) => key.id === id)),
        keys.map(({ id }) => id),
      );
      same("the same from both", await listed(peer, owner, "note"), await listed(store, owner, "note"));
    },
  },
  {
    id: "P8",
    group,
    text: "closing one opening leaves the other at work",
    rule: "close",
    needs,
    test: async (context) => {
      const { store } = context;
      const peer = await context.peer();
      const owner = context.owner();
      const key = fresh(context);
      await make(peer, owner, key);
      await peer.close();
      await apply(store, owner, counting(key, { name: "n", by: 1 }));
      const next = await context.peer();
      same("as a new opening sees it", (await live(next, owner, key)).counters.get("n"), 1);
    },
  },
  {
    id: "P9",
    group,
    text: "versions are never reused, whichever opening ends, reaps, erases and makes again",
    rule: "1",
    needs,
    test: async (context) => {
      const { store } = context;
      const peer = await context.peer();
      const owner = context.owner();
      const key = fresh(context);
      let last = 0;
      for (let round = 0; round < 8; round += 1) {
        const { version } = await make(either(round, store, peer), owner, key);
        holds("the version", version > last, version, `above ${last}`);
        last = (
          await apply(either(round + 1, store, peer), owner, { ...key, expect: version, document: { text: "1" } })
        ).version;
        await endSomehow(round, either(round, store, peer), either(round + 1, store, peer));
      }

      async function endSomehow(round: number, one: Store, two: Store): Promise<void> {
        if (round % 4 === 3) {
          await two.admin.erase(owner);
          return;
        }
        await apply(two, owner, { ...key, expect: "present", end: true });
        if (round % 2 === 0) return;
        await context.elapse(1);
        await reaped(one, owner);
      }
    },
  },
  {
    id: "P10",
    group,
    text: "of several openings that sweep at once, one tells of each expiry of what is retained",
    rule: "4",
    needs: ["peer", "advanceClock"],
    test: async (context) => {
      const { store } = context;
      const peer = await context.peer();
      const owner = context.owner();
      const keys = span(1, 24).map(() => fresh(context));
      for (const key of keys) await make(store, owner, key, "{}", { absoluteMs: 60_000, retainMs: 60_000 });
      await context.elapse(60_000);
      const { values, errors } = await race(4, (index) => closedBy(either(index, store, peer)));
      same("what failed", errors, []);
      // What another sweep held may have been passed over by all.
      const rest = await closedBy(store);
      same("told", [...values.flat(), ...rest].toSorted(), keys.map(({ id }) => id).toSorted());
      await context.elapse(60_000);
      const gone = await reaped(store, owner);
      same("removed, all told before", [gone.length, gone.every(({ closed }) => closed)], [keys.length, true]);

      async function closedBy(one: Store): Promise<readonly string[]> {
        return (await swept(one, owner, 5)).closed.map(({ id }) => id);
      }
    },
  },
];

function either(index: number, even: Store, odd: Store): Store {
  return index % 2 === 0 ? even : odd;
}

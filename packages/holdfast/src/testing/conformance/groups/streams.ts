import { race } from "../../race.ts";
import { holds, present, rejects, same } from "../check.ts";
import {
  accepted,
  appending,
  appendingWith,
  apply,
  dataOf,
  eventsOf,
  everythingOf,
  fresh,
  live,
  make,
  positionsOf,
  refusal,
  span,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "streams";
const rule = "5";

export const streams: readonly Requirement[] = [
  {
    id: "S1",
    group,
    text: "positions start at 1 and go up by one, within and across commits; results carry the heads",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      same("head after one", (await apply(store, owner, appending(key, "log", "a"))).heads, new Map([["log", 1]]));
      same(
        "head after three more",
        (await apply(store, owner, appending(key, "log", "b", "c", "d"))).heads,
        new Map([["log", 4]]),
      );
      const events = await eventsOf(store, owner, key, "log");
      same("positions and data", [positionsOf(events), dataOf(events)], [span(1, 4), ["a", "b", "c", "d"]]);
      same("the stream in the record", (await live(store, owner, key)).streams.get("log"), { head: 4, first: 1 });
    },
  },
  {
    id: "S2",
    group,
    text: "fifty parallel appends leave no gap; each commit's events are neighbours and end at the head it was told",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const { values, errors } = await race(50, (index) =>
        apply(store, owner, appending(key, "log", `${index} a`, `${index} b`)),
      );
      same("errors", errors, []);
      const events = await eventsOf(store, owner, key, "log");
      same("positions", positionsOf(events), span(1, 100));
      for (const [index, { heads }] of values.entries()) {
        const head = present("the head", heads.get("log"));
        same(`what commit ${index} left at its head`, dataOf(events.slice(head - 2, head)), [
          `${index} a`,
          `${index} b`,
        ]);
      }
    },
  },
  {
    id: "S3",
    group,
    text: "an append at another head than expected is refused, naming both, and writes nothing",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, appendingWith(key, { stream: "log", data: ["a"], expectedHead: 0 }));
      const before = await everythingOf(store, owner, key);
      const late = {
        ...appendingWith(key, { stream: "log", data: ["b"], expectedHead: 0 }),
        counters: [{ name: "n", by: 1 }],
      };
      const answer = await refusal(store, owner, [late]);
      same("the refusal", answer, { reason: "position", index: 0, stream: "log", expected: 0, actual: 1 });
      const early = await refusal(store, owner, [appendingWith(key, { stream: "log", data: ["b"], expectedHead: 2 })]);
      same("the refusal ahead", early, { reason: "position", index: 0, stream: "log", expected: 2, actual: 1 });
      same("the record afterwards", await everythingOf(store, owner, key), before);
    },
  },
  {
    id: "S4",
    group,
    text: "of thirty that append at one expected head at once, exactly one succeeds",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const { values, errors } = await race(30, (index) =>
        store.commit(owner, [appendingWith(key, { stream: "log", data: [`${index}`], expectedHead: 0 })]),
      );
      same("errors", errors, []);
      const winners = values.flatMap((answer, index) => (answer.ok ? [`${index}`] : []));
      same("how many succeeded", winners.length, 1);
      same("the events", dataOf(await eventsOf(store, owner, key, "log")), winners);
    },
  },
  {
    id: "S5",
    group,
    text: "a page holds the events strictly between its bounds, up to its limit, and says whether more follow",
    rule: "events",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { incarnation } = await make(store, owner, key);
      await apply(store, owner, appending(key, "log", ...span(1, 10).map(String)));
      const cases = [
        [{ limit: 4 }, [1, 2, 3, 4], true],
        [{ limit: 10 }, span(1, 10), false],
        [{ limit: 3, after: 7 }, [8, 9, 10], false],
        [{ limit: 2, after: 7 }, [8, 9], true],
        [{ limit: 9, after: 3, before: 6 }, [4, 5], false],
        [{ limit: 1, after: 3, before: 6 }, [4], true],
        [{ limit: 9, before: 3 }, [1, 2], false],
        [{ limit: 9, after: 10 }, [], false],
        [{ limit: 9, after: 99 }, [], false],
        [{ limit: 9, after: 5, before: 6 }, [], false],
        [{ limit: 9, after: 6, before: 3 }, [], false],
        [{ limit: 3, order: "newest" }, [10, 9, 8], true],
        [{ limit: 99, order: "newest" }, span(1, 10).toReversed(), false],
        [{ limit: 2, order: "newest", before: 5 }, [4, 3], true],
        [{ limit: 9, order: "newest", after: 7 }, [10, 9, 8], false],
        [{ limit: 9, order: "newest", after: 2, before: 5 }, [4, 3], false],
      ] as const;
      for (const [options, positions, more] of cases) {
        const page = present("the page", await store.events(owner, key, "log", options));
        const what = JSON.stringify(options);
        same(`positions for ${what}`, positionsOf(page.events), positions);
        same(`data for ${what}`, dataOf(page.events), positions.map(String));
        same(`more for ${what}`, page.more, more);
        same(`head, first, incarnation for ${what}`, [page.head, page.first, page.incarnation], [10, 1, incarnation]);
      }
    },
  },
  {
    id: "S6",
    group,
    text: "`maxBytes` ends a page early, but never before its first event",
    rule: "events",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, appending(key, "log", ...span(1, 6).map(() => "x".repeat(100))));
      const tiny = present("a page", await store.events(owner, key, "log", { limit: 10, maxBytes: 1 }));
      same("with room for nothing", [positionsOf(tiny.events), tiny.more], [[1], true]);
      const some = present("a page", await store.events(owner, key, "log", { limit: 10, maxBytes: 250 }));
      holds(
        "with room for two and a half",
        some.events.length === 2 || some.events.length === 3,
        some.events.length,
        "2 or 3 events",
      );
      same("more", some.more, true);
      const all = present("a page", await store.events(owner, key, "log", { limit: 10, maxBytes: 10_000 }));
      same("with room for all", [positionsOf(all.events), all.more], [span(1, 6), false]);
    },
  },
  {
    id: "S7",
    group,
    text: "trimming drops the oldest events and moves neither the head nor the positions of the rest",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, appending(key, "log", "a", "b", "c", "d"));
      await apply(store, owner, { ...key, expect: "present", trims: [{ stream: "log", through: 2 }] });
      same("the stream", (await live(store, owner, key)).streams.get("log"), { head: 4, first: 3 });
      const page = present("the page", await store.events(owner, key, "log", { limit: 10 }));
      same("the events", [positionsOf(page.events), dataOf(page.events), page.first], [[3, 4], ["c", "d"], 3]);
      const before = present("a page", await store.events(owner, key, "log", { limit: 10, after: 0, before: 3 }));
      same("what was trimmed", [before.events, before.more], [[], false]);
      await apply(store, owner, { ...key, expect: "present", trims: [{ stream: "log", through: 1 }] });
      same("after trimming less again", (await live(store, owner, key)).streams.get("log"), { head: 4, first: 3 });
    },
  },
  {
    id: "S8",
    group,
    text: "trimming through or beyond the head empties the stream; the next append goes on after the head",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, appending(key, "log", "a", "b"));
      await apply(store, owner, { ...key, expect: "present", trims: [{ stream: "log", through: 1_000 }] });
      same("the stream", (await live(store, owner, key)).streams.get("log"), { head: 2, first: 3 });
      same("events", await eventsOf(store, owner, key, "log"), []);
      await apply(store, owner, appending(key, "log", "c"));
      same("the stream afterwards", (await live(store, owner, key)).streams.get("log"), { head: 3, first: 3 });
      same("events afterwards", positionsOf(await eventsOf(store, owner, key, "log")), [3]);
    },
  },
  {
    id: "S9",
    group,
    text: "`keep` leaves that many of the newest events, of this append or earlier ones",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, appendingWith(key, { stream: "log", data: ["a", "b", "c"], keep: 3 }));
      same("within", positionsOf(await eventsOf(store, owner, key, "log")), [1, 2, 3]);
      await apply(store, owner, appendingWith(key, { stream: "log", data: ["d"], keep: 3 }));
      same("one over", positionsOf(await eventsOf(store, owner, key, "log")), [2, 3, 4]);
      await apply(store, owner, appendingWith(key, { stream: "log", data: ["e", "f", "g"], keep: 2 }));
      same("fewer than appended", dataOf(await eventsOf(store, owner, key, "log")), ["f", "g"]);
      same("the stream", (await live(store, owner, key)).streams.get("log"), { head: 7, first: 6 });
      await apply(store, owner, appendingWith(key, { stream: "log", data: ["h"], keep: 0 }));
      same("none", (await live(store, owner, key)).streams.get("log"), { head: 8, first: 9 });
      same("no events", await eventsOf(store, owner, key, "log"), []);
    },
  },
  {
    id: "S10",
    group,
    text: "streams of a record are independent, and one change may append to one of them twice",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const appends = [
        { stream: "a", data: ["1"] },
        { stream: "b", data: ["2", "3"] },
        { stream: "a", data: ["4"], expectedHead: 1 },
      ];
      const { heads } = await apply(store, owner, { ...key, expect: "present", appends });
      same(
        "heads",
        heads,
        new Map([
          ["a", 2],
          ["b", 2],
        ]),
      );
      same("a", dataOf(await eventsOf(store, owner, key, "a")), ["1", "4"]);
      same("b", dataOf(await eventsOf(store, owner, key, "b")), ["2", "3"]);
    },
  },
  {
    id: "S11",
    group,
    text: "appends never make a document writer conflict, nor it them",
    rule: "2",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      let { version } = await make(store, owner, key);
      const { errors } = await race(6, async (index) => {
        for (let round = 0; round < 10; round += 1) {
          if (index > 0) await apply(store, owner, appending(key, "log", `${index}`));
          else
            version = (await apply(store, owner, { ...key, expect: version, document: { text: `${round}` } })).version;
        }
      });
      same("errors", errors, []);
      same("positions", positionsOf(await eventsOf(store, owner, key, "log")), span(1, 50));
      same("version", (await live(store, owner, key)).version, version);
    },
  },
  {
    id: "S12",
    group,
    text: "an unknown stream of a live record is an empty page; any stream of an absent record is nothing",
    rule: "events",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { incarnation } = await make(store, owner, key);
      const page = await store.events(owner, key, "log", { limit: 10 });
      same("the page", page, { head: 0, first: 1, incarnation, events: [], more: false });
      await apply(store, owner, appending(key, "log", "a"));
      await apply(store, owner, { ...key, expect: "present", end: true });
      same("of an ended record", await store.events(owner, key, "log", { limit: 10 }), undefined);
      same("of a record never made", await store.events(owner, fresh(context), "log", { limit: 10 }), undefined);
    },
  },
  {
    id: "S13",
    group,
    text: "a limit outside 1 to 10,000 is an invalid argument",
    rule: "events",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      for (const limit of [0, -1, 1.5, 10_001, Number.NaN]) {
        await rejects(`limit ${limit}`, "INVALID_ARGUMENT", () => store.events(owner, key, "log", { limit }));
      }
    },
  },
  {
    id: "S14",
    group,
    text: "an event carries the time of the commit that appended it",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const first = await accepted(store, owner, [appending(key, "log", "a", "b")]);
      await context.elapse(20);
      const second = await accepted(store, owner, [appending(key, "log", "c")]);
      const times = (await eventsOf(store, owner, key, "log")).map(({ at }) => at);
      same("times of the events", times, [first.at, first.at, second.at]);
      holds("the store's clock", second.at > first.at, [first.at, second.at], "going forward");
    },
  },
  {
    id: "S15",
    group,
    text: "a reader that follows a stream by cursor while others append sees each event once, in order",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const total = 80;
      const seen: number[] = [];
      const { errors } = await race(5, async (index) => {
        if (index === 0) return follow();
        for (let round = 0; round < total / 4; round += 1) await apply(store, owner, appending(key, "log", `${round}`));
      });
      same("errors", errors, []);
      same("positions as they were seen", seen, span(1, total));

      async function follow(): Promise<void> {
        let after = 0;
        await context.eventually("the reader reaches the last event", async () => {
          const page = present("the page", await store.events(owner, key, "log", { after, limit: 7 }));
          seen.push(...positionsOf(page.events));
          after = seen.at(-1) ?? 0;
          return after >= total;
        });
      }
    },
  },
  {
    id: "S16",
    group,
    text: "thousands of events can be appended at once and are paged through without loss",
    rule: "events",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const data = span(1, 3_000).map((index) => `{"index":${index}}`);
      await apply(store, owner, appending(key, "log", ...data));
      same("in one page", dataOf(await eventsOf(store, owner, key, "log")), data);
      const paged: string[] = [];
      let after = 0;
      for (let more = true; more; ) {
        const page = present("the page", await store.events(owner, key, "log", { after, limit: 700 }));
        paged.push(...dataOf(page.events));
        after = page.events.at(-1)?.position ?? after;
        more = page.more && page.events.length > 0;
      }
      same("page by page", paged, data);
    },
  },
];

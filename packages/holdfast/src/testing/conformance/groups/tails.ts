import { race } from "../../race.ts";
import { CheckFailed, present, same } from "../check.ts";
import { appending, apply, dataOf, fresh, live, make, positionsOf, repeatWhile, span } from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "tails";

export const tails: readonly Requirement[] = [
  {
    id: "T1",
    group,
    text: "a tail after a position brings the events after it, oldest first, up to its limit",
    rule: "read",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, appending(key, "log", "a", "b", "c", "d"));
      const answer = await store.read(owner, key, {
        tails: [
          { stream: "log", after: 0, limit: 10 },
          { stream: "log", after: 2, limit: 10 },
          { stream: "log", after: 1, limit: 2 },
          { stream: "log", after: 9, limit: 10 },
        ],
      });
      same("the tails", answer.tails.map(positionsOf), [[1, 2, 3, 4], [3, 4], [2, 3], []]);
      same("the data of the first", dataOf(answer.tails[0] ?? []), ["a", "b", "c", "d"]);
    },
  },
  {
    id: "T2",
    group,
    text: "a tail of the last few brings the newest, oldest first",
    rule: "read",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, appending(key, "log", "a", "b", "c"));
      const answer = await store.read(owner, key, {
        tails: [
          { stream: "log", after: { last: 2 }, limit: 10 },
          { stream: "log", after: { last: 99 }, limit: 100 },
        ],
      });
      same("the tails", answer.tails.map(dataOf), [
        ["b", "c"],
        ["a", "b", "c"],
      ]);
      same("the positions", answer.tails.map(positionsOf), [
        [2, 3],
        [1, 2, 3],
      ]);
    },
  },
  {
    id: "T3",
    group,
    text: 'a tail after "document" brings exactly the events the document does not reflect yet',
    rule: "5",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await apply(store, owner, { ...key, expect: "absent", create: { text: "0", lifetime: {}, position: 0 } });
      await apply(store, owner, appending(key, "log", "a", "b", "c"));
      await apply(store, owner, { ...key, expect: "present", document: { text: "2", position: 2 } });
      const tail = [{ stream: "log", after: "document", limit: 10 }] as const;
      const answer = await store.read(owner, key, { tails: tail });
      same("position of the document", answer.record?.documentPosition, 2);
      same("the tail", answer.tails.map(dataOf), [["c"]]);
      await apply(store, owner, { ...key, expect: "present", document: { text: "3", position: 3 } });
      same("the tail of a fresh snapshot", (await store.read(owner, key, { tails: tail })).tails, [[]]);
    },
  },
  {
    id: "T4",
    group,
    text: "there is one list per tail asked for, empty for an unknown stream and for an absent record",
    rule: "read",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, { ...appending(key, "b", "1"), counters: [] });
      const asked = [
        { stream: "a", after: 0, limit: 5 },
        { stream: "b", after: 0, limit: 5 },
        { stream: "a", after: { last: 3 }, limit: 5 },
      ] as const;
      same("of a live record", (await store.read(owner, key, { tails: asked })).tails.map(dataOf), [[], ["1"], []]);
      const absent = await store.read(owner, fresh(context), { tails: asked });
      same("of an absent record", [absent.record, absent.tails], [undefined, [[], [], []]]);
      same("without tails", (await store.read(owner, key)).tails, []);
    },
  },
  {
    id: "T5",
    group,
    text: "document, heads and tails of one read come from one state, whoever writes meanwhile",
    rule: "5",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key, "0");
      const rounds = 40;
      let writing = 2;
      // Every event says its own position, and every snapshot the position it stands at: a mixed answer shows.
      const { errors } = await race(6, async (index) => {
        if (index >= 2) return repeatWhile(() => writing > 0, readOnce);
        try {
          for (let round = 0; round < rounds; round += 1) await writeOnce(round);
        } finally {
          writing -= 1;
        }
      });
      same("errors", errors, []);

      async function writeOnce(round: number): Promise<void> {
        const { heads } = await apply(store, owner, appending(key, "log", "event"));
        const head = present("the head", heads.get("log"));
        if (round % 3 !== 0) return;
        const seen = await live(store, owner, key);
        if (seen.documentPosition >= head) return;
        await store.commit(owner, [{ ...key, expect: seen.version, document: { text: `${head}`, position: head } }]);
      }

      async function readOnce(): Promise<void> {
        const { record, tails: lists } = await store.read(owner, key, {
          tails: [
            { stream: "log", after: "document", limit: 1_000 },
            { stream: "log", after: { last: 1 }, limit: 1 },
          ],
        });
        const { document, documentPosition, streams } = present("the record", record);
        const head = streams.get("log")?.head ?? 0;
        same("document and its position", Number(document), documentPosition);
        same("positions of the tail after the document", positionsOf(lists[0] ?? []), span(documentPosition + 1, head));
        same("the newest event", positionsOf(lists[1] ?? []), head === 0 ? [] : [head]);
      }
    },
  },
  {
    id: "T6",
    group,
    text: "the document's position is 0 until given and stays until given again",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      same("at first", (await live(store, owner, key)).documentPosition, 0);
      await apply(store, owner, { ...appending(key, "log", "a", "b"), document: { text: "1", position: 2 } });
      same("once given", (await live(store, owner, key)).documentPosition, 2);
      await apply(store, owner, { ...appending(key, "log", "c"), document: { text: "2" } });
      same("not given again", (await live(store, owner, key)).documentPosition, 2);
    },
  },
  {
    id: "T7",
    group,
    text: "a tail holds only what is retained",
    rule: "read",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await apply(store, owner, appending(key, "log", "a", "b", "c", "d"));
      await apply(store, owner, { ...key, expect: "present", trims: [{ stream: "log", through: 3 }] });
      const { tails: lists } = await store.read(owner, key, {
        tails: [
          { stream: "log", after: 1, limit: 10 },
          { stream: "log", after: { last: 3 }, limit: 10 },
        ],
      });
      same("the tails", lists.map(positionsOf), [[4], [4]]);
    },
  },
  {
    id: "T8",
    group,
    text: "events seen through tails, one read after another, are gapless while others append",
    rule: "5",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const total = 60;
      const seen: number[] = [];
      const { errors } = await race(4, async (index) => {
        if (index > 0) {
          for (let round = 0; round < total / 3; round += 1) await apply(store, owner, appending(key, "log", "x"));
          return;
        }
        await context.eventually("the reader reaches the last event", async () => {
          const tail = { stream: "log", after: seen.at(-1) ?? 0, limit: 5 };
          const { tails: lists } = await store.read(owner, key, { tails: [tail] });
          if (lists.length !== 1) throw new CheckFailed(`${lists.length} lists for one tail`);
          seen.push(...positionsOf(lists[0] ?? []));
          return (seen.at(-1) ?? 0) >= total;
        });
      });
      same("errors", errors, []);
      same("positions as they were seen", seen, span(1, total));
    },
  },
];

import type { StoredEvent } from "../../../record/record.ts";
import type { RecordDump } from "../../../store/contract.ts";
import { holds, present, rejects, same } from "../check.ts";
import {
  accepted,
  appending,
  apply,
  eventsOf,
  everythingOf,
  fresh,
  isAbsent,
  live,
  make,
  positionsOf,
  reaped,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "export and import";
const rule = "admin";
const hour = 3_600_000;

export const dumps: readonly Requirement[] = [
  {
    id: "B1",
    group,
    text: "an exported record, imported for another owner, is the same to the byte, and goes on from there",
    rule,
    test: async (context) => {
      const { store } = context;
      const [from, to] = [context.owner(), context.owner()];
      const key = fresh(context);
      const create = {
        text: "[ ]",
        lifetime: { idleMs: hour, absoluteMs: 2 * hour, retainMs: 7 },
        fields: { a: "é", b: 1, c: true, d: null },
      };
      await accepted(store, from, [{ ...key, expect: "absent", create }]);
      await apply(store, from, { ...appending(key, "log", "a", "b", "c"), counters: [{ name: "n", by: 5 }] });
      await apply(store, from, {
        ...appending(key, "__proto__", "p"),
        document: { text: "[ 1 ]", position: 2 },
        trims: [{ stream: "log", through: 1 }],
      });
      const dump = present("the dump", await store.admin.export(from, key));
      await context.elapse(20);
      await store.admin.import(to, dump);
      const [original, copy] = [await live(store, from, key), await live(store, to, key)];
      same("the record", copy, original);
      for (const stream of ["log", "__proto__"]) {
        same(
          `the events of ${stream}`,
          await eventsOf(store, to, key, stream),
          await eventsOf(store, from, key, stream),
        );
      }
      same("usage", (await store.usage(to)).bytes, (await store.usage(from)).bytes);
      const next = await apply(store, to, {
        ...appending(key, "log", "d"),
        document: { text: "2" },
        counters: [{ name: "n", by: 1 }],
      });
      same("going on", [next.version, next.heads.get("log"), next.counters.get("n")], [original.version + 1, 4, 6]);
      same(
        "the listing",
        (await store.list(to, "note", { limit: 9, order: "oldest" })).records.map(({ id }) => id),
        [key.id],
      );
      same("an unknown record", await store.admin.export(from, fresh(context)), undefined);
    },
  },
  {
    id: "B2",
    group,
    text: "an import is refused where a higher version stands, ended or not, and replaces a lower one whole",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const [from, to] = [context.owner(), context.owner()];
      const key = fresh(context);
      await make(store, from, key, '"old"');
      await apply(store, from, appending(key, "log", "old"));
      const old = present("the old dump", await store.admin.export(from, key));
      for (const text of ['"1"', '"2"', '"3"'])
        await apply(store, from, { ...appending(key, "other", text), document: { text } });
      const young = present("the young dump", await store.admin.export(from, key));

      await make(store, to, key, '"standing"');
      await apply(store, to, { ...appending(key, "standing", "x"), counters: [{ name: "n", by: 1 }] });
      await store.admin.import(to, young);
      same("replaced", await live(store, to, key), await live(store, from, key));
      same("events of what stood", await eventsOf(store, to, key, "standing"), []);
      const before = await everythingOf(store, to, key);
      await rejects("importing a lower version", "CONFLICT", () => store.admin.import(to, old));
      same("afterwards", await everythingOf(store, to, key), before);
      await apply(store, to, { ...key, expect: "present", end: true });
      await rejects("importing over a tombstone", "CONFLICT", () => store.admin.import(to, old));
      same("still absent", await isAbsent(store, to, key), true);
      await store.admin.import(from, young);
      same("importing what stands", (await live(store, from, key)).document, '"3"');
    },
  },
  {
    id: "B3",
    group,
    text: "an imported record that had ended stays ended, and keeps its versions from being used again",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const [from, to] = [context.owner(), context.owner()];
      const key = fresh(context);
      await make(store, from, key, '"kept"', { retainMs: hour });
      await apply(store, from, { ...key, expect: "present", document: { text: '"kept"' } });
      const { version } = await apply(store, from, { ...appending(key, "log", "kept"), end: true });
      await store.admin.import(to, present("the dump", await store.admin.export(from, key)));
      same("absent", await isAbsent(store, to, key), true);
      same("counted", (await store.usage(to)).records, 0);
      same("inspected", await store.admin.inspect(to, key), await store.admin.inspect(from, key));
      const again = await make(store, to, key);
      holds("the version afterwards", again.version > version, again.version, `above ${version}`);
    },
  },
  {
    id: "B4",
    group,
    text: "positions of exported and imported events are kept, trimmed streams included",
    rule: "5",
    test: async (context) => {
      const { store } = context;
      const [from, to] = [context.owner(), context.owner()];
      const key = fresh(context);
      await make(store, from, key);
      await apply(store, from, appending(key, "all gone", "a", "b"));
      await apply(store, from, appending(key, "some", "c", "d"));
      const trims = [
        { stream: "all gone", through: 2 },
        { stream: "some", through: 1 },
      ];
      await apply(store, from, { ...key, expect: "present", trims });
      await store.admin.import(to, present("the dump", await store.admin.export(from, key)));
      await apply(store, to, {
        ...key,
        expect: "present",
        appends: [
          { stream: "all gone", data: ["x"] },
          { stream: "some", data: ["y"] },
        ],
      });
      same("the emptied stream", positionsOf(await eventsOf(store, to, key, "all gone")), [3]);
      same("the other", positionsOf(await eventsOf(store, to, key, "some")), [2, 3]);
    },
  },
  {
    id: "B5",
    group,
    text: "an import that would take the versions of a reaped record back is refused, and writes nothing",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const [owner, elsewhere] = [context.owner(), context.owner()];
      const [key, bystander] = [fresh(context), fresh(context)];
      await make(store, owner, key, '"1"');
      const old = present("the dump", await store.admin.export(owner, key));
      for (const text of ['"2"', '"3"']) await apply(store, owner, { ...key, expect: "present", document: { text } });
      const { version } = await apply(store, owner, { ...key, expect: "present", end: true });
      await context.elapse(1);
      await reaped(store, owner);
      await rejects("importing what was reaped last", "CONFLICT", () => store.admin.import(owner, old));
      await make(store, owner, bystander);
      await rejects("importing what was reaped", "CONFLICT", () => store.admin.import(owner, old));
      same("the record", await store.admin.inspect(owner, key), undefined);
      const again = await make(store, owner, key);
      holds("the version made again", again.version > version, again.version, `above ${version}`);
      await store.admin.import(elsewhere, old);
      same("for another owner", (await live(store, elsewhere, key)).version, old.record.version);
      const young = present("the young dump", await store.admin.export(owner, key));
      const other = { ...young, record: { ...young.record, id: context.id() } };
      await store.admin.import(owner, other);
      same("above the floor", (await live(store, owner, other.record)).version, young.record.version);
    },
  },
  {
    id: "B6",
    group,
    text: "an owner who was erased takes its dumps back, all of them, and what was made since is above them",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const keys = [fresh(context), fresh(context), fresh(context)];
      for (const key of keys) {
        await make(store, owner, key, '"1"');
        await apply(store, owner, { ...appending(key, "log", key.id), document: { text: '"2"' } });
      }
      const before = await Promise.all(keys.map((key) => everythingOf(store, owner, key)));
      const dumps = await Promise.all(keys.map((key) => store.admin.export(owner, key)));
      await store.admin.erase(owner);
      for (const dump of dumps) await store.admin.import(owner, present("a dump", dump));
      same("restored", await Promise.all(keys.map((key) => everythingOf(store, owner, key))), before);
      const made = await make(store, owner, fresh(context));
      holds("a version made since", made.version > 2, made.version, "above 2");
      await store.admin.erase(owner);
      await make(store, owner, fresh(context));
      await rejects("once something else was made", "CONFLICT", () =>
        store.admin.import(owner, present("a dump", dumps[0])),
      );
    },
  },
  {
    id: "B7",
    group,
    text: "a dump that no store could have exported is an invalid argument, and writes nothing",
    rule,
    test: async (context) => {
      const { store } = context;
      const [from, to] = [context.owner(), context.owner()];
      const key = fresh(context);
      await make(store, from, key, "{}", { idleMs: hour });
      await apply(store, from, { ...appending(key, "log", "a", "b", "c", "d", "e"), counters: [{ name: "n", by: 1 }] });
      const dump = present("the dump", await store.admin.export(from, key));
      for (const [what, wrong] of wrongDumps(dump)) {
        await rejects(what, "INVALID_ARGUMENT", () => store.admin.import(to, wrong));
      }
      same("the record", await store.admin.inspect(to, key), undefined);
      await store.admin.import(to, dump);
      same("the sound one", await live(store, to, key), await live(store, from, key));
    },
  },
];

function wrongDumps(dump: RecordDump): readonly (readonly [what: string, wrong: RecordDump])[] {
  const { record, events } = dump;
  const log = events["log"] ?? [];
  const having = (part: Partial<RecordDump["record"]>): RecordDump => ({ events, record: { ...record, ...part } });
  const logging = (list: readonly StoredEvent[]): RecordDump => ({ record, events: { log: list } });
  return [
    ["holes", logging(log.filter(({ position }) => position === 2 || position === 4))],
    ["an end before the head", logging(log.slice(0, -1))],
    ["a beginning after the first", logging(log.slice(1))],
    ["no events at all", { record, events: {} }],
    ["positions out of order", logging(log.toReversed())],
    ["events of a stream it does not list", { record, events: { ...events, other: log } }],
    ["an event with a lone surrogate", logging(log.map((event) => ({ ...event, data: "\ud800" })))],
    ["an event at no time", logging(log.map((event) => ({ ...event, at: Number.NaN })))],
    ["version 0", having({ version: 0 })],
    ["an incarnation above its version", having({ incarnation: record.version + 1 })],
    ["a time that is none", having({ createdAt: 1.5 })],
    ["an expiry beyond all time", having({ expiresAt: Number.MAX_SAFE_INTEGER })],
    ["an endless lifetime", having({ lifetime: { idleMs: Number.MAX_SAFE_INTEGER } })],
    ["a counter that is no whole number", having({ counters: new Map([["n", 0.5]]) })],
    ["a counter without a name", having({ counters: new Map([["", 1]]) })],
    ["a document with a lone surrogate", having({ document: "\ud800" })],
    ["a head below 0", having({ streams: new Map([["log", { head: -1, first: 0 }]]) })],
    ["a kind that is none", having({ kind: "No Kind" })],
    ["an id that is none", having({ id: "" })],
  ];
}

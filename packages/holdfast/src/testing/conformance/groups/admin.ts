import type { Owner, RecordKey } from "../../../record/record.ts";
import type { OwnedSummary } from "../../../store/contract.ts";
import { race } from "../../race.ts";
import { CheckFailed, holds, present, same } from "../check.ts";
import {
  accepted,
  appending,
  apply,
  dataOf,
  eventsOf,
  everythingOf,
  fresh,
  inAnyOrder,
  isAbsent,
  live,
  make,
  reaped,
  span,
} from "../kit.ts";
import type { Context, Requirement } from "../requirement.ts";

const group = "admin";
const rule = "admin";
const hour = 3_600_000;

export const admin: readonly Requirement[] = [
  {
    id: "M1",
    group,
    text: "a scan shows every record of every owner once, whatever its state, page by page, and one kind if asked",
    rule,
    test: async (context) => {
      const { store } = context;
      const [one, two] = [context.owner(), context.owner()];
      const [liveKey, ended, retained, expired] = [
        fresh(context),
        fresh(context),
        fresh(context, "other"),
        fresh(context),
      ];
      await make(store, one, liveKey);
      await make(store, one, ended);
      await make(store, two, retained, "{}", { retainMs: hour });
      await make(store, two, expired, "{}", { absoluteMs: 30 });
      await apply(store, one, { ...ended, expect: "present", end: true });
      await apply(store, two, { ...retained, expect: "present", end: true });
      await context.elapse(50);
      const all = [liveKey, ended, retained, expired];
      for (const limit of [1, 3, 1_000]) {
        const found = await scanned(context, { limit, owners: [one, two] });
        same(`by ${limit}`, found.map(({ id }) => id).sort(), all.map(({ id }) => id).sort());
      }
      const found = await scanned(context, { limit: 1_000, owners: [one, two] });
      same(
        "owners",
        found
          .filter(({ owner }) => owner === two)
          .map(({ id }) => id)
          .sort(),
        [retained.id, expired.id].sort(),
      );
      holds(
        "the end of the ended",
        found.every(({ id, endedAt }) => (endedAt !== undefined) === (id === ended.id || id === retained.id)),
        found,
        "endedAt where ended",
      );
      same(
        "one kind",
        (await scanned(context, { limit: 2, owners: [one, two], kind: "other" })).map(({ id }) => id),
        [retained.id],
      );
    },
  },
  {
    id: "M2",
    group,
    text: "what stands throughout a scan is shown exactly once, whatever is made, changed and reaped meanwhile",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const standing: string[] = [];
      const passing: RecordKey[] = [];
      for (const _ of span(1, 15)) {
        const [stays, goes] = [fresh(context), fresh(context)];
        await make(store, owner, stays);
        await make(store, owner, goes);
        standing.push(stays.id);
        passing.push(goes);
      }
      const meanwhile = async (): Promise<void> => {
        const gone = passing.pop();
        if (gone === undefined) return;
        await apply(store, owner, { ...gone, expect: "present", end: true });
        await context.elapse(1);
        await store.admin.reap({ limit: 100 });
        await make(store, owner, fresh(context));
        const id = present("a standing record", standing[context.random(standing.length)]);
        await apply(store, owner, { kind: "note", id, expect: "present", document: { text: "1" } });
      };
      const found = await scanned(context, { limit: 3, owners: [owner], between: meanwhile });
      const ids = new Set(standing);
      same(
        "what stood throughout",
        found
          .map(({ id }) => id)
          .filter((id) => ids.has(id))
          .sort(),
        standing.toSorted(),
      );
    },
  },
  {
    id: "M3",
    group,
    text: "inspection shows live, expired and retained records whole, and nothing of unknown ones",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [standing, expired, retained] = [fresh(context), fresh(context), fresh(context)];
      await make(store, owner, standing, '"standing"');
      await make(store, owner, expired, '"expired"', { absoluteMs: 30, retainMs: hour });
      await make(store, owner, retained, '"retained"', { retainMs: hour });
      await apply(store, owner, { ...retained, expect: "present", end: true });
      await context.elapse(50);
      for (const [key, document, ended] of [
        [standing, '"standing"', false],
        [expired, '"expired"', false],
        [retained, '"retained"', true],
      ] as const) {
        const record = present(`the record ${document}`, await store.admin.inspect(owner, key));
        same("document and end", [record.document, record.endedAt !== undefined], [document, ended]);
        same("key", [record.kind, record.id], [key.kind, key.id]);
      }
      same("a live one, as read", await store.admin.inspect(owner, standing), await live(store, owner, standing));
      same("an unknown one", await store.admin.inspect(owner, fresh(context)), undefined);
      same("another owner's", await store.admin.inspect(context.owner(), standing), undefined);
    },
  },
  {
    id: "M4",
    group,
    text: "what ended without retention has no content any more, for operators neither; its version and fields stay until reaped",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const create = { text: '"secret"', lifetime: {}, fields: { label: "kept" } };
      await accepted(store, owner, [{ ...key, expect: "absent", create }]);
      const { version } = await apply(store, owner, {
        ...appending(key, "log", "secret"),
        counters: [{ name: "n", by: 1 }],
        end: true,
      });
      const record = present("the tombstone", await store.admin.inspect(owner, key));
      same(
        "document, counters, fields",
        [record.document, record.counters, record.fields],
        ["", new Map(), { label: "kept" }],
      );
      same("version", record.version, version);
      const dump = present("the dump", await store.admin.export(owner, key));
      same("events", Object.values(dump.events).flat(), []);
    },
  },
  {
    id: "M5",
    group,
    text: "reaping removes what is past its end, says what went and why, and keeps to its limit",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const ended = span(1, 4).map(() => fresh(context));
      const expired = span(1, 3).map(() => fresh(context));
      for (const key of ended) {
        await accepted(store, owner, [
          { ...key, expect: "absent", create: { text: "{}", lifetime: {}, fields: { label: key.id } } },
        ]);
        await apply(store, owner, { ...key, expect: "present", end: true });
      }
      for (const key of expired) await make(store, owner, key, "{}", { absoluteMs: 30 });
      await context.elapse(50);
      const gone = await reaped(store, owner, 2);
      const expected = [
        ...ended.map(({ id }) => [id, "ended", { label: id }]),
        ...expired.map(({ id }) => [id, "expired", {}]),
      ];
      const facts = gone.map(({ id, cause, fields }) => [id, cause, fields]);
      same("what went", inAnyOrder(facts), inAnyOrder(expected));
      for (const key of [...ended, ...expired])
        same("inspected afterwards", await store.admin.inspect(owner, key), undefined);
      same("scanned afterwards", await scanned(context, { limit: 1_000, owners: [owner] }), []);
      same("bytes afterwards", (await store.usage(owner)).bytes, 0);
      same("reaping again", await reaped(store, owner), []);
    },
  },
  {
    id: "M6",
    group,
    text: "reaping leaves live and retained records alone",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [standing, idle, ended, expired] = [fresh(context), fresh(context), fresh(context), fresh(context)];
      await make(store, owner, standing);
      await make(store, owner, idle, "{}", { idleMs: hour });
      await make(store, owner, ended, '"kept"', { retainMs: hour });
      await make(store, owner, expired, '"kept"', { absoluteMs: 30, retainMs: hour });
      await apply(store, owner, { ...appending(ended, "log", "kept"), end: true });
      await context.elapse(50);
      same("what went", await reaped(store, owner), []);
      same("live ones", [await isAbsent(store, owner, standing), await isAbsent(store, owner, idle)], [false, false]);
      same("the ended one", (await store.admin.inspect(owner, ended))?.document, '"kept"');
      same("its events", dataOf((await store.admin.export(owner, ended))?.events["log"] ?? []), ["kept"]);
      same("the expired one", (await store.admin.inspect(owner, expired))?.document, '"kept"');
    },
  },
  {
    id: "M7",
    group,
    text: "a retained record goes once its retention is over, counted from its end",
    rule,
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [ended, expired] = [fresh(context), fresh(context)];
      await make(store, owner, ended, "{}", { retainMs: 2 * hour });
      await make(store, owner, expired, "{}", { idleMs: hour, retainMs: 2 * hour });
      await apply(store, owner, { ...ended, expect: "present", end: true });
      await context.elapse(1.5 * hour);
      same("early", await reaped(store, owner), []);
      await context.elapse(0.6 * hour);
      same(
        "once the ended one is due",
        (await reaped(store, owner)).map(({ id }) => id),
        [ended.id],
      );
      await context.elapse(hour);
      same(
        "once the expired one is due",
        (await reaped(store, owner)).map(({ id }) => id),
        [expired.id],
      );
    },
  },
  {
    id: "M8",
    group,
    text: "erasing removes everything of one owner and nothing of another",
    rule,
    test: async (context) => {
      const { store } = context;
      const [gone, kept] = [context.owner(), context.owner()];
      const keys = span(1, 3).map(() => fresh(context));
      for (const owner of [gone, kept]) {
        for (const key of keys) await make(store, owner, key, "{}", { retainMs: hour });
        await apply(store, owner, appending(present("a key", keys[0]), "log", "a"));
      }
      const before = await everythingOf(store, kept, present("a key", keys[0]));
      same("how many went", await store.admin.erase(gone), 3);
      same("usage", [(await store.usage(gone)).records, (await store.usage(gone)).bytes], [0, 0]);
      for (const key of keys) same("inspected", await store.admin.inspect(gone, key), undefined);
      same("listed", (await store.list(gone, "note", { limit: 9, order: "oldest" })).records, []);
      same("scanned", await scanned(context, { limit: 100, owners: [gone] }), []);
      same("the other owner's", await everythingOf(store, kept, present("a key", keys[0])), before);
      same("erasing again", await store.admin.erase(gone), 0);
      await make(store, gone, present("a key", keys[0]));
      same("events of a record made again", await eventsOf(store, gone, present("a key", keys[0]), "log"), []);
    },
  },
  {
    id: "M9",
    group,
    text: "statistics follow what is held",
    rule,
    test: async (context) => {
      const { store } = context;
      const before = await store.admin.stats();
      const [one, two] = [context.owner(), context.owner()];
      const key = fresh(context);
      await make(store, one, key, "12345");
      await make(store, one, fresh(context), "12345");
      await make(store, two, fresh(context), "12345");
      await apply(store, one, appending(key, "log", "1", "2", "3", "4", "5"));
      await apply(store, one, { ...key, expect: "present", trims: [{ stream: "log", through: 2 }] });
      const after = await store.admin.stats();
      const grown = [after.records - before.records, after.owners - before.owners, after.events - before.events];
      same("records, owners, events", grown, [3, 2, 3]);
      holds("bytes", after.bytes - before.bytes >= 18, after.bytes - before.bytes, "at least 18 more");
    },
  },
  {
    id: "M10",
    group,
    text: "a record made again while a reaper is at it is never lost and never falls back",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      let last = 0;
      for (let round = 0; round < 15; round += 1) {
        const { version } = await make(store, owner, key);
        holds("the version", version > last, version, `above ${last}`);
        last = version;
        await apply(store, owner, { ...key, expect: "present", end: true });
        await context.elapse(1);
        const { errors } = await race(3, async (index) => {
          if (index === 1) last = (await make(store, owner, key, `${round}`)).version;
          else await store.admin.reap({ limit: 10 });
        });
        same("errors", errors, []);
        const record = await live(store, owner, key);
        same("the record", [record.version, record.document], [last, `${round}`]);
        await apply(store, owner, { ...key, expect: "present", end: true });
      }
    },
  },
  {
    id: "M11",
    group,
    text: "reaping says how long each record had lived when it ended or expired, however late it comes",
    rule,
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [ended, expired, slid, retained] = [fresh(context), fresh(context), fresh(context), fresh(context)];
      await make(store, owner, ended, "{}", { absoluteMs: 3 * hour });
      await make(store, owner, retained, "{}", { retainMs: hour });
      await make(store, owner, slid, "{}", { idleMs: 2 * hour });
      await make(store, owner, expired, "{}", { absoluteMs: 2 * hour });
      const created = new Map<string, number>();
      for (const key of [ended, expired, slid, retained])
        created.set(key.id, (await live(store, owner, key)).createdAt);
      await context.elapse(hour);
      const over = new Map<string, number>();
      for (const key of [ended, retained]) {
        const { at } = await accepted(store, owner, [{ ...key, expect: "present", end: true }]);
        over.set(key.id, at);
      }
      await apply(store, owner, { ...slid, expect: "present", slide: true });
      for (const key of [expired, slid])
        over.set(key.id, present("its expiry", (await live(store, owner, key)).expiresAt));
      await context.elapse(4 * hour);
      same(
        "how long they had lived",
        inAnyOrder((await reaped(store, owner)).map(({ id, livedMs }) => [id, livedMs])),
        inAnyOrder([...over].map(([id, at]) => [id, at - (created.get(id) ?? 0)])),
      );
    },
  },
];

type ScanWish = {
  readonly limit: number;
  readonly owners: readonly Owner[];
  readonly kind?: string;
  readonly between?: () => Promise<void>;
};

/** What a whole scan shows of the owners asked for. */
async function scanned(
  { store }: Context,
  { limit, owners, kind, between }: ScanWish,
): Promise<readonly OwnedSummary[]> {
  const found: OwnedSummary[] = [];
  let after: string | undefined;
  let pages = 0;
  do {
    const page = await store.admin.scan({ limit, after, kind });
    holds("a page of a scan", page.records.length <= limit, page.records.length, `at most ${limit} records`);
    found.push(...page.records.filter(({ owner }) => owners.includes(owner)));
    after = page.next;
    pages += 1;
    if (pages > 100_000) throw new CheckFailed("the scan does not end");
    await between?.();
  } while (after !== undefined);
  return found;
}

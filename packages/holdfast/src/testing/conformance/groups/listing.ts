import type { RecordKey } from "../../../record/record.ts";
import { race } from "../../race.ts";
import { holds, rejects, same } from "../check.ts";
import { accepted, appending, apply, counting, creation, fresh, listed, make, span } from "../kit.ts";
import type { Context, Requirement } from "../requirement.ts";

const group = "listing";
const rule = "list";

export const listing: readonly Requirement[] = [
  {
    id: "L1",
    group,
    text: "records are listed by creation, oldest or newest first",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const keys = span(1, 7).map(() => fresh(context));
      for (const key of keys) await make(store, owner, key);
      const ids = keys.map(({ id }) => id);
      same("oldest first", await listed(store, owner, "note"), ids);
      same("newest first", await listed(store, owner, "note", { order: "newest" }), ids.toReversed());
    },
  },
  {
    id: "L2",
    group,
    text: "only live records of the one kind and owner are listed",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [kept, ended, otherKind] = [fresh(context), fresh(context), fresh(context, "other")];
      for (const key of [kept, ended, otherKind]) await make(store, owner, key, "{}", { retainMs: 60_000 });
      await make(store, context.owner(), fresh(context));
      await apply(store, owner, { ...ended, expect: "present", end: true });
      same("the listing", await listed(store, owner, "note"), [kept.id]);
      same("the other kind", await listed(store, owner, "other"), [otherKind.id]);
      same("an unknown kind", await listed(store, owner, "unknown"), []);
      same("an unknown owner", await listed(store, context.owner(), "note"), []);
    },
  },
  {
    id: "L3",
    group,
    text: "pages follow each other without gap or repeat, hold at most their limit, and the last one has no cursor",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const keys = span(1, 10).map(() => fresh(context));
      for (const key of keys) await make(store, owner, key);
      const ids = keys.map(({ id }) => id);
      for (const limit of [1, 3, 5, 9, 10, 11]) {
        same(`oldest by ${limit}`, await listed(store, owner, "note", { limit }), ids);
        same(`newest by ${limit}`, await listed(store, owner, "note", { limit, order: "newest" }), ids.toReversed());
      }
      const exact = await store.list(owner, "note", { limit: 10, order: "oldest" });
      same("the cursor of a page that holds all", exact.next, undefined);
      const five = await store.list(owner, "note", { limit: 5, order: "oldest" });
      holds("the cursor of a page with more behind it", five.next !== undefined, five.next, "a cursor");
      const rest = await store.list(owner, "note", { limit: 5, order: "oldest", after: five.next });
      same("the rest", [rest.records.map(({ id }) => id), rest.next], [ids.slice(5), undefined]);
    },
  },
  {
    id: "L4",
    group,
    text: "while records are made, changed, ended and made again, whatever stood throughout is listed exactly once",
    rule,
    test: async (context) => {
      for (const order of ["oldest", "newest"] as const) await listWhileChanging(context, order);
    },
  },
  {
    id: "L5",
    group,
    text: "changing a record does not move it; making it again after its end does",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [a, b, c] = [fresh(context), fresh(context), fresh(context)];
      for (const key of [a, b, c]) await make(store, owner, key, "{}", { idleMs: 60_000 });
      await apply(store, owner, {
        ...appending(a, "log", "x"),
        document: { text: "1" },
        counters: [{ name: "n", by: 1 }],
        slide: true,
      });
      await apply(store, owner, { ...b, expect: "present", lifetime: {} });
      same("after changes", await listed(store, owner, "note"), [a.id, b.id, c.id]);
      await apply(store, owner, { ...a, expect: "present", end: true });
      await make(store, owner, a);
      same("after one was made again", await listed(store, owner, "note"), [b.id, c.id, a.id]);
    },
  },
  {
    id: "L6",
    group,
    text: "a listing tells everything of a record but its document",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const fields = { label: "first", size: 3, open: true, none: null };
      const create = { text: '{"a":"é"}', lifetime: { idleMs: 60_000, absoluteMs: 90_000, retainMs: 5 }, fields };
      const { at } = await accepted(store, owner, [{ ...key, expect: "absent", create }]);
      await apply(store, owner, { ...appending(key, "log", "x"), counters: [{ name: "n", by: 4 }] });
      const { record } = await store.read(owner, key);
      const { records } = await store.list(owner, "note", { limit: 5, order: "oldest" });
      const [summary] = records;
      holds("the summary", summary !== undefined && !("document" in summary), summary, "a summary without document");
      const facts = (from: typeof summary): unknown =>
        from && [
          from.kind,
          from.id,
          from.version,
          from.incarnation,
          from.createdAt,
          from.updatedAt,
          from.touchedAt,
          from.deadlineAt,
          from.expiresAt,
          from.endedAt,
          from.fields,
          from.counters,
          from.streams,
          from.documentPosition,
          from.documentBytes,
          from.lifetime.idleMs,
          from.lifetime.absoluteMs,
          from.lifetime.retainMs,
        ];
      same("the facts", facts(summary), facts(record));
      same("fields", summary?.fields, fields);
      same("bytes", summary?.documentBytes, 10);
      same("expiry", [summary?.createdAt, summary?.expiresAt, summary?.deadlineAt], [at, at + 60_000, at + 90_000]);
    },
  },
  {
    id: "L7",
    group,
    text: "fields stay until a document change brings new ones",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const fieldsNow = async (): Promise<unknown> =>
        (await store.list(owner, "note", { limit: 5, order: "oldest" })).records[0]?.fields;
      await apply(store, owner, { ...key, expect: "absent", create: { text: "{}", lifetime: {}, fields: { a: 1 } } });
      await apply(store, owner, { ...key, expect: "present", document: { text: "1" } });
      same("not given", await fieldsNow(), { a: 1 });
      await apply(store, owner, { ...key, expect: "present", document: { text: "2", fields: { b: 2 } } });
      same("given", await fieldsNow(), { b: 2 });
      await apply(store, owner, { ...key, expect: "present", document: { text: "3", fields: {} } });
      same("given as none", await fieldsNow(), {});
    },
  },
  {
    id: "L8",
    group,
    text: "a limit outside 1 to 1,000 and a cursor that never was are invalid arguments",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      await make(store, owner, fresh(context));
      for (const limit of [0, -1, 1.5, 1_001, Number.NaN]) {
        await rejects(`limit ${limit}`, "INVALID_ARGUMENT", () =>
          store.list(owner, "note", { limit, order: "oldest" }),
        );
      }
      for (const after of ["", "no cursor", "'; --", "\u0000", "é"]) {
        await rejects(`cursor ${JSON.stringify(after)}`, "INVALID_ARGUMENT", () =>
          store.list(owner, "note", { limit: 5, order: "oldest", after }),
        );
      }
    },
  },
  {
    id: "L9",
    group,
    text: "records of one commit and of parallel commits all get a place, the same in both orders",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const { errors } = await race(10, () =>
        accepted(
          store,
          owner,
          span(1, 16).map(() => creation(fresh(context))),
        ),
      );
      same("errors", errors, []);
      const oldest = await listed(store, owner, "note", { limit: 7 });
      same("how many different records", [oldest.length, new Set(oldest).size], [160, 160]);
      same(
        "the other way round",
        (await listed(store, owner, "note", { limit: 11, order: "newest" })).toReversed(),
        oldest,
      );
    },
  },
];

async function listWhileChanging(context: Context, order: "oldest" | "newest"): Promise<void> {
  const { store } = context;
  const owner = context.owner();
  const standing: RecordKey[] = [];
  const passing: RecordKey[] = [];
  for (let index = 0; index < 15; index += 1) {
    for (const keys of [standing, passing]) {
      const key = fresh(context);
      await make(store, owner, key);
      keys.push(key);
    }
  }
  const touch = async (): Promise<void> => {
    const gone = passing.splice(context.random(passing.length), 1)[0];
    const again = passing[context.random(passing.length)];
    const changed = standing[context.random(standing.length)];
    if (gone !== undefined) await apply(store, owner, { ...gone, expect: "present", end: true });
    if (again !== undefined) {
      await apply(store, owner, { ...again, expect: "present", end: true });
      await make(store, owner, again);
    }
    if (changed !== undefined)
      await apply(store, owner, { ...counting(changed, { name: "n", by: 1 }), document: { text: "1" } });
    const made = fresh(context);
    await make(store, owner, made);
    if (passing.length < 15) passing.push(made);
  };
  // Newest first ends by itself; oldest first is chased by what is made meanwhile, so that stops at some point.
  let touches = 0;
  const between = async (): Promise<void> => {
    touches += 1;
    if (touches <= 30) await touch();
  };
  const seen = await listed(store, owner, "note", { order, limit: 2, between });
  const expected = standing.map(({ id }) => id);
  const ids = new Set(expected);
  const stood = seen.filter((id) => ids.has(id));
  same(`what stood throughout, ${order} first`, stood, order === "oldest" ? expected : expected.toReversed());
  const incarnations = seen.filter((id, index) => seen.indexOf(id) !== index && ids.has(id));
  same("what was listed twice", incarnations, []);
}

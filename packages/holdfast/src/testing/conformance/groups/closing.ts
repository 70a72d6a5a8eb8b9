/** What expired and is retained: it is told when a sweep finds it, once, and removed when its retention is over. */
import type { Owner, RecordKey } from "../../../record/record.ts";
import type { Store } from "../../../store/contract.ts";
import { present, same } from "../check.ts";
import {
  accepted,
  apply,
  creation,
  everythingOf,
  fresh,
  inAnyOrder,
  isAbsent,
  listed,
  live,
  make,
  span,
  swept,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "expiry";
const rule = "4";
const hour = 3_600_000;

/** What sweeps told of an owner, as far as it matters here. */
async function told(store: Store, owner: Owner, limit?: number): Promise<readonly unknown[]> {
  const { removed, closed } = await swept(store, owner, limit);
  return [
    ...closed.map(({ id }) => [id, "closed"]),
    ...removed.map(({ id, cause, closed: before }) => [id, cause, before ? "told before" : "told now"]),
  ];
}

export const closing: readonly Requirement[] = [
  {
    id: "E12",
    group,
    text: "what expired and is retained is told once, at the first sweep after its expiry, and removed when its retention is over",
    rule,
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [key, plain] = [fresh(context), fresh(context)];
      const fields = { label: "kept" };
      const lifetime = { idleMs: hour, retainMs: 2 * hour };
      await accepted(store, owner, [{ ...key, expect: "absent", create: { text: '"kept"', lifetime, fields } }]);
      await apply(store, owner, { ...key, expect: "present", appends: [{ stream: "log", data: ["kept"] }] });
      await make(store, owner, plain, "{}", { idleMs: hour });
      const before = present("the record", await store.admin.export(owner, key));
      same("before its expiry", await told(store, owner), []);
      await context.elapse(hour);
      const { removed, closed } = await swept(store, owner);
      same("closed", closed, [{ ...key, fields, livedMs: hour }]);
      same(
        "removed",
        removed.map(({ id }) => id),
        [plain.id],
      );
      const after = present("the retained record", await store.admin.export(owner, key));
      same("its end", after.record.endedAt, before.record.expiresAt);
      same(
        "everything else of it",
        [{ ...after.record, endedAt: undefined }, after.events],
        [{ ...before.record, endedAt: undefined }, before.events],
      );
      same("for callers", [await isAbsent(store, owner, key), await listed(store, owner, key.kind)], [true, []]);
      same("usage", (await store.usage(owner)).byKind[key.kind] ?? 0, 0);
      same("the next sweep", await told(store, owner), []);
      await context.elapse(1.9 * hour);
      same("shortly before its retention is over", await told(store, owner), []);
      await context.elapse(0.1 * hour);
      same("once it is over", await told(store, owner), [[key.id, "expired", "told before"]]);
      same("what is left", await store.admin.inspect(owner, key), undefined);
    },
  },
  {
    id: "E13",
    group,
    text: "what was ended, put off, kept for ever or made again is closed by what it is, and not by what it was",
    rule,
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [ended, slid, endless, again] = [fresh(context), fresh(context), fresh(context), fresh(context)];
      for (const key of [ended, slid, endless, again])
        await make(store, owner, key, "{}", { idleMs: hour, retainMs: 2 * hour });
      await context.elapse(0.5 * hour);
      await apply(store, owner, { ...ended, expect: "present", end: true });
      await apply(store, owner, { ...slid, expect: "present", slide: true });
      await apply(store, owner, { ...endless, expect: "present", lifetime: { retainMs: hour } });
      await context.elapse(0.5 * hour);
      same("at the expiry that they had", await told(store, owner, 1), [[again.id, "closed"]]);
      same("what was put off", await isAbsent(store, owner, slid), false);
      const { version } = present("the closed one", await store.admin.inspect(owner, again));
      const { results } = await accepted(store, owner, [creation(again, "{}", { idleMs: hour, retainMs: hour })]);
      same("the one made again", [results[0]?.created, results[0]?.version], [true, version + 1]);
      same("its end", (await live(store, owner, again)).endedAt, undefined);
      await context.elapse(0.5 * hour);
      same("at the new expiry", await told(store, owner), [[slid.id, "closed"]]);
      await context.elapse(0.5 * hour);
      same("a life later", await told(store, owner), [[again.id, "closed"]]);
      await context.elapse(0.5 * hour);
      same("after its retention", await told(store, owner), [[ended.id, "ended", "told now"]]);
      await context.elapse(hour);
      const last = [slid, again].map(({ id }) => [id, "expired", "told before"]);
      same("in the end", inAnyOrder(await told(store, owner)), inAnyOrder(last));
      same("what is kept for ever", await isAbsent(store, owner, endless), false);
    },
  },
  {
    id: "E14",
    group,
    text: "what no sweep found in all its retention is told when it is removed, and closing is bounded as removing is",
    rule,
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const missed = fresh(context);
      await make(store, owner, missed, "{}", { idleMs: hour, retainMs: hour });
      await context.elapse(2 * hour);
      same("told at last", await told(store, owner), [[missed.id, "expired", "told now"]]);
      const keys = span(1, 7).map(() => fresh(context));
      for (const key of keys) await make(store, owner, key, "{}", { absoluteMs: hour, retainMs: hour });
      await context.elapse(hour);
      same("one by one", idsOf(await told(store, owner, 2)), keys.map(({ id }) => id).sort());
    },
  },
  {
    id: "E15",
    group,
    text: "a dump says whether an expiry was told: it is told once where that is, be it before or after the move",
    rule: "admin",
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const [from, to] = [context.owner(), context.owner()];
      const [before, after, live] = [fresh(context), fresh(context), fresh(context)];
      const move = async (key: RecordKey): Promise<void> =>
        store.admin.import(to, present("a dump", await store.admin.export(from, key)));
      await make(store, from, before, "{}", { idleMs: hour, retainMs: 3 * hour });
      await context.elapse(hour);
      await swept(store, from);
      await move(before);
      await make(store, from, after, "{}", { idleMs: hour, retainMs: 3 * hour });
      await make(store, from, live, "{}", { idleMs: 2 * hour, retainMs: 3 * hour });
      await context.elapse(hour);
      for (const key of [after, live]) await move(key);
      const whole = await everythingOf(store, to, live);
      same("told after the move", await told(store, to), [[after.id, "closed"]]);
      same("the live one", await everythingOf(store, to, live), whole);
      // What stands is put in once more: it is as it was.
      await move(after);
      same("told again", await told(store, to), []);
      await context.elapse(hour);
      same("told once it expired", await told(store, to), [[live.id, "closed"]]);
      await context.elapse(3 * hour);
      same("told in the end", idsOf(await told(store, to)), idsOf([[before.id], [after.id], [live.id]]));
    },
  },
];

function idsOf(told: readonly unknown[]): readonly string[] {
  return told.map((each) => String((each as readonly unknown[])[0])).toSorted();
}

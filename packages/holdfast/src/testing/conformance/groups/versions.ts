import type { Change } from "../../../record/change.ts";
import { race } from "../../race.ts";
import { CheckFailed, holds, present, same } from "../check.ts";
import {
  accepted,
  appending,
  apply,
  counting,
  creation,
  dataOf,
  eventsOf,
  fresh,
  live,
  make,
  positionsOf,
  reaped,
  refusal,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "versions and floors";

export const versions: readonly Requirement[] = [
  {
    id: "V1",
    group,
    text: "a created record has a version from 1, which is also its incarnation",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const result = await make(store, owner, key);
      holds(
        "the first version",
        Number.isSafeInteger(result.version) && result.version >= 1,
        result.version,
        "a safe integer from 1",
      );
      same("the incarnation", result.incarnation, result.version);
      same("created", result.created, true);
    },
  },
  {
    id: "V2",
    group,
    text: "each document change adds exactly one to the version and keeps the incarnation",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version } = await make(store, owner, key);
      for (let step = 1; step <= 5; step += 1) {
        const result = await apply(store, owner, { ...key, expect: "present", document: { text: `{"step":${step}}` } });
        same(`the version after ${step} changes`, result.version, version + step);
        same("the incarnation", result.incarnation, version);
        same("created", result.created, false);
      }
    },
  },
  {
    id: "V3",
    group,
    text: "counters, appends, trims, slides and lifetimes leave the version alone",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version } = await make(store, owner, key, "{}", { idleMs: 60_000 });
      for (const change of [
        counting(key, { name: "n", by: 1 }),
        appending(key, "log", "a", "b"),
        { ...key, expect: "present", trims: [{ stream: "log", through: 1 }] } as const,
        { ...key, expect: "present", slide: true } as const,
        { ...key, expect: "present", lifetime: { idleMs: 90_000 } } as const,
      ]) {
        same(`the version after ${JSON.stringify(change)}`, (await apply(store, owner, change)).version, version);
      }
      same("the version read", (await live(store, owner, key)).version, version);
    },
  },
  {
    id: "V4",
    group,
    text: "a record made again after its end starts above every version it had",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      let last = (await make(store, owner, key)).version;
      for (let round = 0; round < 3; round += 1) {
        last = (await apply(store, owner, { ...key, expect: last, document: { text: "{}" } })).version;
        await apply(store, owner, { ...key, expect: "present", end: true });
        const again = await make(store, owner, key);
        holds("the version of the next incarnation", again.version > last, again.version, `above ${last}`);
        same("its incarnation", again.incarnation, again.version);
        last = again.version;
      }
    },
  },
  {
    id: "V5",
    group,
    text: "a record made again after its expiry starts above every version it had",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key, "{}", { absoluteMs: 150 });
      const { version } = await apply(store, owner, { ...key, expect: "present", document: { text: "[]" } });
      await context.elapse(200);
      const again = await make(store, owner, key);
      holds("the version of the next incarnation", again.version > version, again.version, `above ${version}`);
      same("created", again.created, true);
    },
  },
  {
    id: "V6",
    group,
    text: "a reaped record made again starts above every version it had",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version } = await make(store, owner, key);
      await apply(store, owner, { ...key, expect: "present", document: { text: "[]" } });
      await apply(store, owner, { ...key, expect: "present", end: true });
      await context.elapse(1);
      await reaped(store, owner);
      same("what is left of the reaped record", await store.admin.inspect(owner, key), undefined);
      const again = await make(store, owner, key);
      holds("the version of the next incarnation", again.version > version + 1, again.version, `above ${version + 1}`);
    },
  },
  {
    id: "V7",
    group,
    text: "reaping raises the owner's floor: records made afterwards start above it, whatever their id",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      let version = 0;
      for (let step = 0; step < 4; step += 1) {
        version = (await apply(store, owner, { ...key, expect: "present", document: { text: "{}" } })).version;
      }
      await apply(store, owner, { ...key, expect: "present", end: true });
      await context.elapse(1);
      await reaped(store, owner);
      const other = await make(store, owner, fresh(context));
      holds("the version of another record", other.version > version, other.version, `above the floor ${version}`);
    },
  },
  {
    id: "V8",
    group,
    text: "erasing an owner keeps its floor",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const { version } = await apply(store, owner, { ...key, expect: "present", document: { text: "[]" } });
      await store.admin.erase(owner);
      const again = await make(store, owner, key);
      holds("the version after erasing", again.version > version, again.version, `above ${version}`);
    },
  },
  {
    id: "V9",
    group,
    text: "commit, read and list agree on version and incarnation",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const { version, incarnation } = await apply(store, owner, {
        ...key,
        expect: "present",
        document: { text: "[]" },
      });
      const record = await live(store, owner, key);
      const { records } = await store.list(owner, key.kind, { limit: 10, order: "oldest" });
      same("read", [record.version, record.incarnation], [version, incarnation]);
      same(
        "list",
        records.map((summary) => [summary.version, summary.incarnation]),
        [[version, incarnation]],
      );
    },
  },
  {
    id: "V10",
    group,
    text: "a late save of an ended record cannot reach the record made after it",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version } = await make(store, owner, key, '"old"');
      await apply(store, owner, { ...key, expect: "present", end: true });
      const late = { ...key, expect: version, document: { text: '"late"' } };
      same("saving after the end", (await refusal(store, owner, [late])).reason, "version");
      const again = await make(store, owner, key, '"new"');
      const answer = await refusal(store, owner, [late]);
      same("saving after the re-creation", answer, {
        reason: "version",
        index: 0,
        expected: version,
        actual: again.version,
      });
      same("the document", (await live(store, owner, key)).document, '"new"');
    },
  },
  {
    id: "V11",
    group,
    text: "a new incarnation holds nothing of the one before: no document, counter, event, field or lifetime",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      // Retention keeps the content of the first incarnation in the store, where it could leak from.
      const first = {
        text: '"old"',
        lifetime: { idleMs: 60_000, retainMs: 3_600_000 },
        fields: { label: "old" },
        position: 2,
      };
      await accepted(store, owner, [{ ...key, expect: "absent", create: first }]);
      await apply(store, owner, { ...appending(key, "log", "a", "b", "c"), counters: [{ name: "n", by: 7 }] });
      await apply(store, owner, { ...key, expect: "present", end: true });
      await make(store, owner, key, '"new"');
      const record = await live(store, owner, key);
      same("document", record.document, '"new"');
      same("counters", record.counters, new Map());
      same("fields", record.fields, {});
      same("streams", record.streams, new Map());
      same("documentPosition", record.documentPosition, 0);
      same("expiresAt", record.expiresAt, undefined);
      const result = await apply(store, owner, { ...appending(key, "log", "x"), counters: [{ name: "n", by: 1 }] });
      same("head after the first append", result.heads.get("log"), 1);
      same("counter after the first addition", result.counters.get("n"), 1);
      const events = await eventsOf(store, owner, key, "log");
      same("events", [positionsOf(events), dataOf(events)], [[1], ["x"]]);
    },
  },
  {
    id: "V12",
    group,
    text: "of a hundred that create one absent id at once, exactly one does",
    rule: "no-lost-update",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { values, errors } = await race(100, (index) => store.commit(owner, [creation(key, `${index}`)]));
      same("errors", errors, []);
      const winners = values.flatMap((answer, index) => (answer.ok ? [index] : []));
      same("how many created it", winners.length, 1);
      same("the document", (await live(store, owner, key)).document, `${winners[0]}`);
    },
  },
  {
    id: "V13",
    group,
    text: "no two incarnations of an id share a version, however creations and ends interleave",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { values, errors } = await race(8, async () => {
        const births: number[] = [];
        for (let round = 0; round < 6; round += 1) {
          const made = await store.commit(owner, [creation(key)]);
          if (made.ok) births.push(present("the result", made.results[0]).version);
          await store.commit(owner, [{ ...key, expect: "present", end: true }]);
        }
        return births;
      });
      same("errors", errors, []);
      const births = values.flat();
      holds("versions of all incarnations", new Set(births).size === births.length, births, "all different");
    },
  },
  {
    id: "V14",
    group,
    text: "the commit that creates a record ignores `document`; one that finds it ignores `create`",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const change = {
        ...key,
        expect: "any",
        create: { text: '"made"', lifetime: {} },
        document: { text: '"changed"' },
      } as const;
      const made = await apply(store, owner, change);
      same("created", [made.created, (await live(store, owner, key)).document], [true, '"made"']);
      const changed = await apply(store, owner, change);
      same("changed", [changed.created, changed.version], [false, made.version + 1]);
      same("the document", (await live(store, owner, key)).document, '"changed"');
      const kept = await apply(store, owner, {
        ...key,
        expect: "any",
        create: { text: '"made"', lifetime: { idleMs: 1 } },
      });
      same("kept", [kept.created, kept.version, kept.expiresAt], [false, made.version + 1, undefined]);
    },
  },
  {
    id: "V15",
    group,
    text: "a creation that names the version to begin at is refused, with the right one, where the record would begin at another",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const beginningAt = (version: number, text = "{}"): Change => ({
        ...key,
        expect: "absent",
        create: { text, lifetime: {}, version },
      });
      const { version } = await make(store, owner, key);
      await apply(store, owner, { ...key, expect: "present", document: { text: "[]" } });
      await apply(store, owner, { ...key, expect: "present", end: true });
      const beside = fresh(context);
      const answer = await refusal(store, owner, [creation(beside), beginningAt(version)]);
      if (answer.reason !== "beginning") throw new CheckFailed(`refused for another reason: ${answer.reason}`);
      same("the refusal", [answer.index, answer.expected], [1, version]);
      holds("the version it would begin at", answer.actual > version + 1, answer.actual, `above ${version + 1}`);
      same("what was refused", (await store.read(owner, key)).record, undefined);
      same("what was refused with it", (await store.read(owner, beside)).record, undefined);

      const made = await apply(store, owner, beginningAt(answer.actual, '"made"'));
      same("the version", [made.created, made.version, made.incarnation], [true, answer.actual, answer.actual]);
      const kept = await apply(store, owner, { ...beginningAt(version), expect: "any" });
      same("one that is there", [kept.created, kept.version], [false, answer.actual]);
      same("the document", (await live(store, owner, key)).document, '"made"');
    },
  },
];

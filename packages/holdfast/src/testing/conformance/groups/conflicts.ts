import { race } from "../../race.ts";
import { CheckFailed, same } from "../check.ts";
import { appending, apply, counting, creation, everythingOf, fresh, isAbsent, live, make, refusal } from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "conflicts";
const rule = "no-lost-update";

export const conflicts: readonly Requirement[] = [
  {
    id: "W1",
    group,
    text: "a change that expects another version is refused, naming the change and both versions",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version } = await make(store, owner, key);
      await apply(store, owner, { ...key, expect: version, document: { text: "1" } });
      const answer = await refusal(store, owner, [
        creation(fresh(context)),
        { ...key, expect: version, document: { text: "2" } },
      ]);
      same("the refusal", answer, { reason: "version", index: 1, expected: version, actual: version + 1 });
      same("the document", (await live(store, owner, key)).document, "1");
    },
  },
  {
    id: "W2",
    group,
    text: "a conflict writes nothing at all: no document, counter, event, expiry or time",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version } = await make(store, owner, key, "{}", { idleMs: 60_000 });
      await apply(store, owner, { ...appending(key, "log", "a"), counters: [{ name: "n", by: 1 }] });
      const before = await everythingOf(store, owner, key);
      const change = {
        ...key,
        document: { text: '"lost"', fields: { lost: true } },
        counters: [{ name: "n", by: 5 }],
        appends: [{ stream: "log", data: ["lost"] }],
        trims: [{ stream: "log", through: 1 }],
        lifetime: { idleMs: 1 },
        end: true,
      };
      await refusal(store, owner, [{ ...change, expect: version + 1 }]);
      await refusal(store, owner, [{ ...change, expect: "absent", create: { text: '"lost"', lifetime: {} } }]);
      same("the record after two conflicts", await everythingOf(store, owner, key), before);
    },
  },
  {
    id: "W3",
    group,
    text: "of fifty that change one version at once, exactly one succeeds, and the others learn its version",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version } = await make(store, owner, key);
      const { values, errors } = await race(50, (index) =>
        store.commit(owner, [{ ...key, expect: version, document: { text: `${index}` } }]),
      );
      same("errors", errors, []);
      const winners = values.flatMap((answer, index) => (answer.ok ? [index] : []));
      same("how many succeeded", winners.length, 1);
      same("the document", (await live(store, owner, key)).document, `${winners[0]}`);
      const refusals = values.flatMap((answer) => (answer.ok ? [] : [answer.refusal]));
      for (const each of refusals) {
        same("a refusal", each, { reason: "version", index: 0, expected: version, actual: version + 1 });
      }
    },
  },
  {
    id: "W4",
    group,
    text: "reading, changing and committing with retries loses no update",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version } = await make(store, owner, key, "0");
      const writers = 6;
      const rounds = 5;
      const { errors } = await race(writers, async () => {
        for (let round = 0; round < rounds; round += 1) await incrementOnce();
      });
      same("errors", errors, []);
      const record = await live(store, owner, key);
      same("the number in the document", record.document, `${writers * rounds}`);
      same("the version", record.version, version + writers * rounds);

      async function incrementOnce(): Promise<void> {
        // An attempt fails because another writer's succeeded, and that is so many times at most.
        for (let attempt = 0; attempt < writers * rounds; attempt += 1) {
          const seen = await live(store, owner, key);
          const text = `${Number(seen.document) + 1}`;
          const answer = await store.commit(owner, [{ ...key, expect: seen.version, document: { text } }]);
          if (answer.ok) return;
        }
        throw new CheckFailed(`none of ${writers * rounds} attempts succeeded, with nobody left to be in the way`);
      }
    },
  },
  {
    id: "W5",
    group,
    text: '"absent" is refused while the record is live and holds once it ended',
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const { version } = await make(store, owner, key);
      const answer = await refusal(store, owner, [creation(key)]);
      same("the refusal", answer, { reason: "version", index: 0, expected: "absent", actual: version });
      await apply(store, owner, { ...key, expect: "present", end: true });
      await make(store, owner, key);
    },
  },
  {
    id: "W6",
    group,
    text: '"present", a version, and "any" without `create` are refused where no record is live',
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const ended = fresh(context);
      await make(store, owner, ended);
      await apply(store, owner, { ...ended, expect: "present", end: true });
      for (const key of [fresh(context), ended]) {
        for (const expect of ["present", 1, "any"] as const) {
          const { reason, ...rest } = await refusal(store, owner, [{ ...key, expect, document: { text: "1" } }]);
          const { index, expected, actual } = { index: -1, expected: undefined, actual: undefined, ...rest };
          same(`the refusal of ${expect}`, [reason, index, expected, actual], ["version", 0, expect, undefined]);
          same("absent afterwards", await isAbsent(store, owner, key), true);
        }
      }
    },
  },
  {
    id: "W7",
    group,
    text: "commits in flight together keep their own outcomes: one refused or malformed spoils no neighbour",
    rule: "8",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const keys = Array.from({ length: 20 }, () => fresh(context));
      await race(keys.length, (index) => make(store, owner, keys[index] ?? fresh(context)));
      const { outcomes } = await race(60, (index) => {
        const key = keys[index % keys.length] ?? fresh(context);
        if (index % 3 === 0) return store.commit(owner, [counting(key, { name: "n", by: 1 })]);
        if (index % 3 === 1)
          return store.commit(owner, [{ ...key, expect: 999_999, counters: [{ name: "n", by: 100 }] }]);
        return store.commit(owner, [counting(key, { name: "", by: 1_000 })]);
      });
      const kinds = outcomes.map((outcome) =>
        outcome.status === "rejected" ? "error" : outcome.value.ok ? "ok" : "refused",
      );
      same(
        "outcomes",
        kinds,
        Array.from({ length: 60 }, (_, index) => ["ok", "refused", "error"][index % 3]),
      );
      const counts = await Promise.all(keys.map(async (key) => (await live(store, owner, key)).counters.get("n") ?? 0));
      same(
        "what was added in all",
        counts.reduce((sum, count) => sum + count, 0),
        20,
      );
    },
  },
  {
    id: "W8",
    group,
    text: "what was acknowledged is what the next read shows",
    rule: "read",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key, "0");
      for (let step = 1; step <= 20; step += 1) {
        const { version } = await apply(store, owner, { ...key, expect: "present", document: { text: `${step}` } });
        const { record } = await store.read(owner, key, step % 2 === 0 ? { minVersion: version } : {});
        same("what is read after an acknowledgement", [record?.version, record?.document], [version, `${step}`]);
      }
      await apply(store, owner, { ...key, expect: "present", end: true });
      same("absent after an acknowledged end", await isAbsent(store, owner, key), true);
    },
  },
];

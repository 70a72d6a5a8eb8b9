import { race } from "../../race.ts";
import { holds, same } from "../check.ts";
import { appending, apply, counting, dataOf, eventsOf, everythingOf, fresh, listed, live, make, span } from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "isolation";
const rule = "3";

export const isolation: readonly Requirement[] = [
  {
    id: "X1",
    group,
    text: "one key under two owners is two records in every respect",
    rule,
    test: async (context) => {
      const { store } = context;
      const [one, two] = [context.owner(), context.owner()];
      const key = fresh(context);
      await make(store, one, key, '"one"');
      await make(store, two, key, '"two"', { idleMs: 60_000 });
      const before = await everythingOf(store, two, key);
      await apply(store, one, {
        ...appending(key, "log", "a", "b"),
        document: { text: '"changed"' },
        counters: [{ name: "n", by: 1 }],
      });
      same("the second owner's record", await everythingOf(store, two, key), before);
      await apply(store, two, appending(key, "log", "c"));
      same("events of the first", dataOf(await eventsOf(store, one, key, "log")), ["a", "b"]);
      same("events of the second", dataOf(await eventsOf(store, two, key, "log")), ["c"]);
      await apply(store, one, { ...key, expect: "present", end: true });
      same("the second stands", (await live(store, two, key)).document, '"two"');
    },
  },
  {
    id: "X2",
    group,
    text: "a stranger's record and one that never was get the same answer from every call",
    rule,
    test: async (context) => {
      const { store } = context;
      const [victim, stranger] = [context.owner(), context.owner()];
      const [theirs, nobodys] = [fresh(context), fresh(context)];
      const { version } = await make(store, victim, theirs);
      await apply(store, victim, appending(theirs, "log", "secret"), {
        commitId: { id: "once", digest: "d", origin: "caller" },
      });
      const before = await everythingOf(store, victim, theirs);
      const answers = async (id: string): Promise<unknown> => {
        const key = { kind: theirs.kind, id };
        const { at: _at, ...read } = await store.read(stranger, key, {
          tails: [{ stream: "log", after: 0, limit: 5 }],
          commitId: "once",
        });
        const commits = [];
        for (const change of [
          { ...key, expect: version, document: { text: "1" } },
          { ...key, expect: "present", slide: true },
          { ...key, expect: "present", end: true },
          { ...key, expect: "any", counters: [{ name: "n", by: 1 }] },
        ] as const) {
          const { at: _when, ...answer } = await store.commit(stranger, [change]);
          commits.push(answer);
        }
        const events = await store.events(stranger, key, "log", { limit: 5 });
        const { records, next } = await store.list(stranger, key.kind, { limit: 5, order: "oldest" });
        return {
          read,
          commits,
          events,
          records,
          next,
          usage: await store.usage(stranger),
          inspected: await store.admin.inspect(stranger, key),
        };
      };
      same("the answers about a stranger's record", await answers(theirs.id), await answers(nobodys.id));
      same("the record", await everythingOf(store, victim, theirs), before);
    },
  },
  {
    id: "X3",
    group,
    text: "owners at work at the same time never see or disturb each other",
    rule,
    test: async (context) => {
      const { store } = context;
      const owners = span(1, 8).map(() => context.owner());
      const key = fresh(context);
      const { errors } = await race(owners.length, async (index) => {
        const owner = owners[index] ?? context.owner();
        await make(store, owner, key, `${index}`);
        for (let round = 0; round < 5; round += 1)
          await apply(store, owner, {
            ...counting(key, { name: "n", by: index }),
            appends: [{ stream: "log", data: [`${index}`] }],
          });
      });
      same("errors", errors, []);
      for (const [index, owner] of owners.entries()) {
        const { document, counters } = await live(store, owner, key);
        same("document and counter", [document, counters.get("n")], [`${index}`, index * 5]);
        same(
          "events",
          dataOf(await eventsOf(store, owner, key, "log")),
          span(1, 5).map(() => `${index}`),
        );
        same("listing", await listed(store, owner, key.kind), [key.id]);
      }
    },
  },
  {
    id: "X4",
    group,
    text: "owners that differ only by case are two owners",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      // An owner is made by `ownerOf` alone; another spelling of one is exactly what must not be taken for it.
      const twin = swapCase(owner) as typeof owner;
      const key = fresh(context);
      await make(store, owner, key, '"mine"');
      same("what the other spelling reads", (await store.read(twin, key)).record, undefined);
      await make(store, twin, key, '"other"');
      same("the first owner's document", (await live(store, owner, key)).document, '"mine"');
    },
  },
  {
    id: "X5",
    group,
    text: "a listing's cursor does not tell how much other owners created meanwhile",
    rule: "list",
    test: async (context) => {
      const { store } = context;
      const [owner, other] = [context.owner(), context.owner()];
      const others = [3, 11, 29, 50];
      await make(store, owner, fresh(context));
      for (const count of others) {
        for (const _ of span(1, count)) await make(store, other, fresh(context));
        await make(store, owner, fresh(context));
      }
      await make(store, owner, fresh(context));
      const cursors: string[] = [];
      let after: string | undefined;
      do {
        after = (await store.list(owner, "note", { limit: 1, order: "oldest", after })).next;
        if (after !== undefined) cursors.push(after);
      } while (after !== undefined);
      same("how many cursors", cursors.length, others.length + 1);
      for (const read of readings) {
        const values = cursors.map(read);
        const steps = values.slice(1).map((value, index) => (value ?? 0n) - (values[index] ?? 0n));
        const told = others.every((count, index) => steps[index] === BigInt(count + 1));
        holds(`the cursors ${cursors.join(", ")}`, !told, steps, `anything but steps of ${others.join(", ")} and one`);
      }
    },
  },
];

/** Ways in which a cursor might be a number, or hold one as its last. */
const readings: readonly ((cursor: string) => bigint | undefined)[] = [
  (cursor) => inBase(36, cursor),
  (cursor) => inBase(16, cursor),
  (cursor) => inBase(10, cursor.match(/\d+/g)?.at(-1) ?? ""),
  (cursor) => inBase(10, Buffer.from(cursor, "base64url").toString("latin1").match(/\d+/g)?.at(-1) ?? ""),
  (cursor) => inBase(16, Buffer.from(cursor, "base64url").toString("hex")),
];

function inBase(base: number, text: string): bigint | undefined {
  let value = 0n;
  for (const character of text.toLowerCase()) {
    const digit = Number.parseInt(character, base);
    if (Number.isNaN(digit)) return undefined;
    value = value * BigInt(base) + BigInt(digit);
  }
  return text === "" ? undefined : value;
}

function swapCase(text: string): string {
  return text.replaceAll(/[a-z]/gi, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()));
}

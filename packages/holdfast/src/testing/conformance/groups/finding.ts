import type { IndexedFields, Owner } from "../../../record/record.ts";
import type { Store } from "../../../store/contract.ts";
import { rejects, same } from "../check.ts";
import { apply, fresh, listed, span } from "../kit.ts";
import type { Context, Requirement } from "../requirement.ts";

const group = "finding";
const rule = "list";

export const finding: readonly Requirement[] = [
  {
    id: "N1",
    group,
    text: "a listing can be confined to live records of the kind and owner whose fields have all the values asked for",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const open = await having(context, owner, { status: "open", size: 1 });
      const large = await having(context, owner, { status: "open", size: 2 });
      const closed = await having(context, owner, { status: "closed", size: 2 });
      await having(context, owner, { status: "open", size: 2 }, "other");
      await having(context, context.owner(), { status: "open", size: 2 });
      const ended = await having(context, owner, { status: "open", size: 2 });
      await apply(store, owner, { kind: "note", id: ended, expect: "present", end: true });
      same("by one field", await found(store, owner, { status: "open" }), [open, large]);
      same("by two", await found(store, owner, { status: "open", size: 2 }), [large]);
      same("newest first", await listed(store, owner, "note", { order: "newest", where: { size: 2 } }), [
        closed,
        large,
      ]);
      same("by none", await found(store, owner, {}), [open, large, closed]);
      same("a value nobody has", await found(store, owner, { status: "lost" }), []);
      same("a field nobody has", await found(store, owner, { colour: "red" }), []);
    },
  },
  {
    id: "N2",
    group,
    text: "values are compared as what they are: null is one of them, absence none, and a text is no number",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const values = [null, "", "null", 0, "0", 1, "1", true, "true", false, 1.5, 1e300, 5e-324, 2 ** 53, -1];
      const ids = new Map<unknown, string>();
      for (const value of values) ids.set(value, await having(context, owner, { value }));
      await having(context, owner, { values: 1 });
      for (const value of values) {
        same(`the value ${JSON.stringify(value)}`, await found(store, owner, { value }), [ids.get(value)]);
      }
      same("minus zero", await found(store, owner, { value: -0 }), [ids.get(0)]);
      const minusZero = await having(context, owner, { zero: -0 });
      same("zero, written with a minus", await found(store, owner, { zero: 0 }), [minusZero]);
    },
  },
  {
    id: "N3",
    group,
    text: "fields of any name and text of any sort are found, and only by exactly that",
    rule: "opaque",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const odd = ["__proto__", "constructor", "$", "a.b", 'a"b', "a'b", "%", "é", "e\u0301", "\u0001", "\0", "\ud800"];
      const text = (name: string): string => `=${name}\u00010000`;
      const byName = new Map<string, string>();
      for (const name of odd) byName.set(name, await having(context, owner, Object.fromEntries([[name, text(name)]])));
      for (const name of odd) {
        const asked = (value: string): IndexedFields => Object.fromEntries([[name, value]]);
        same(JSON.stringify(name), await found(store, owner, asked(text(name))), [byName.get(name)]);
        same(`${JSON.stringify(name)} with another text`, await found(store, owner, asked(`=${name}\0`)), []);
      }
    },
  },
  {
    id: "N4",
    group,
    text: "what is found follows the document: by its new fields, and no longer by those it had",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const id = await having(context, owner, { status: "open" });
      const key = { kind: "note", id };
      await apply(store, owner, { ...key, expect: "present", document: { text: "1" } });
      same("fields not given stay", await found(store, owner, { status: "open" }), [id]);
      await apply(store, owner, { ...key, expect: "present", document: { text: "2", fields: { status: "closed" } } });
      same("the old value", await found(store, owner, { status: "open" }), []);
      same("the new value", await found(store, owner, { status: "closed" }), [id]);
      await apply(store, owner, { ...key, expect: "present", end: true });
      const create = { text: "{}", lifetime: {}, fields: { status: "new" } };
      await apply(store, owner, { ...key, expect: "absent", create });
      same("of an earlier incarnation", await found(store, owner, { status: "closed" }), []);
      same("of this one", await found(store, owner, { status: "new" }), [id]);
    },
  },
  {
    id: "N5",
    group,
    text: "pages of what is found follow each other without gap or repeat, however few of many match",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const wanted: string[] = [];
      for (const index of span(0, 39)) {
        const id = await having(context, owner, { rare: index % 13 === 0, often: index % 2 === 0 });
        if (index % 13 === 0) wanted.push(id);
      }
      for (const limit of [1, 2, 4, 5]) {
        same(`oldest by ${limit}`, await listed(store, owner, "note", { limit, where: { rare: true } }), wanted);
        same(
          `newest by ${limit}`,
          await listed(store, owner, "note", { limit, order: "newest", where: { rare: true } }),
          wanted.toReversed(),
        );
      }
      same("half of them", (await listed(store, owner, "note", { limit: 7, where: { often: true } })).length, 20);
    },
  },
  {
    id: "N6",
    group,
    text: "comparing with what is no scalar, or more than sixteen fields, is an invalid argument",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      await having(context, owner, { a: 1 });
      const many = Object.fromEntries(span(1, 17).map((index) => [`f${index}`, index]));
      // Callers in JavaScript send such things; the types forbid them.
      const malformed = [{ a: undefined }, { a: {} }, { a: [1] }, { a: Number.NaN }, { a: Infinity }, many] as const;
      for (const where of malformed) {
        await rejects(`where ${JSON.stringify(where)}`, "INVALID_ARGUMENT", () =>
          store.list(owner, "note", { limit: 5, order: "oldest", where: where as unknown as IndexedFields }),
        );
      }
    },
  },
];

/** A new record with these fields; its id. */
async function having(context: Context, owner: Owner, fields: IndexedFields, kind = "note"): Promise<string> {
  const key = fresh(context, kind);
  await apply(context.store, owner, { ...key, expect: "absent", create: { text: "{}", lifetime: {}, fields } });
  return key.id;
}

function found(store: Store, owner: Owner, where: IndexedFields): Promise<readonly string[]> {
  return listed(store, owner, "note", { where });
}

import { present, rejects, same } from "../check.ts";
import {
  appending,
  apply,
  counting,
  creation,
  dataOf,
  eventsOf,
  everythingOf,
  fresh,
  inAnyOrder,
  isAbsent,
  live,
  make,
} from "../kit.ts";
import type { Context, Requirement } from "../requirement.ts";

const group = "odd values";
const rule = "opaque";

const inheritedNames = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "length",
  "size",
];
const oddNames = [
  "a'b",
  'a"b',
  "a`b",
  "a\\b",
  "a/b",
  "a.b",
  "a:b",
  "a b",
  " ",
  "%",
  "_",
  "?1",
  "$1",
  "--",
  "; drop table records",
  "{}",
  "[]",
  "null",
  "0",
  "-1",
  "\n",
  "\t",
  "\u007f",
  "é",
  "e\u0301",
  "名前",
  "🔑",
  "\u2028",
  "\ufeff",
  "A",
  "a",
  "x".repeat(128),
];

export const oddValues: readonly Requirement[] = [
  {
    id: "O1",
    group,
    text: "text in every script comes back as it was, in documents and events",
    rule,
    test: (context) =>
      keptByteForByte(context, [
        '"naïve"',
        '"e\u0301 é"',
        '"日本語 العربية עברית"',
        '"👩‍👩‍👧 😀"',
        '"\u2028\u2029\u0085"',
        '\ufeff{"bom":true}',
        '"\u0001\u001f\u007f"',
        "\r\n\t{ }\n",
      ]),
  },
  {
    id: "O2",
    group,
    text: "a NUL inside a document or an event is kept",
    rule,
    test: (context) => keptByteForByte(context, ["a\0b", "\0", '"\\u0000"', `{"a":"${"\0".repeat(3)}"}`]),
  },
  {
    id: "O3",
    group,
    text: "empty documents and empty events are kept as such",
    rule,
    test: (context) => keptByteForByte(context, ["", " ", "null", '""']),
  },
  {
    id: "O4",
    group,
    text: "a document of a mebibyte and events of a quarter of one are kept",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const big = JSON.stringify({ text: "aé😀".repeat(150_000) });
      const events = ["x".repeat(262_144), "é".repeat(131_072)];
      await make(store, owner, key, big);
      await apply(store, owner, appending(key, "log", ...events));
      same("the document", (await live(store, owner, key)).document === big, true);
      const seen = dataOf(await eventsOf(store, owner, key, "log"));
      same(
        "the events",
        seen.map((data, index) => data === events[index]),
        [true, true],
      );
      same("bytes", (await store.usage(owner)).bytes, Buffer.byteLength(big) + 2 * 262_144);
    },
  },
  {
    id: "O5",
    group,
    text: "names that objects inherit are ordinary counters, streams and fields",
    rule,
    test: async (context) => {
      await namesAreOrdinary(context, inheritedNames);
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const fields = Object.fromEntries(inheritedNames.map((name, index) => [name, index]));
      const document = '{"__proto__":{"admin":true},"constructor":1}';
      await apply(store, owner, { ...key, expect: "absent", create: { text: document, lifetime: {}, fields } });
      const record = await live(store, owner, key);
      same("the document", record.document, document);
      same("the fields", inAnyOrder(Object.entries(record.fields)), inAnyOrder(Object.entries(fields)));
      same("nothing was inherited by others", ({} as Record<string, unknown>)["admin"], undefined);
    },
  },
  {
    id: "O6",
    group,
    text: "JSON comes back byte for byte: no empty list becomes an object, no number, key order or space changes",
    rule,
    test: (context) =>
      keptByteForByte(context, [
        "[]",
        "{}",
        '[[],{},[{}],{"a":[]}]',
        '{"b":1,"a":2,"b":3}',
        "[1.0,1e2,-0,1E400,12345678901234567890,0.1]",
        '{ "a" : [ ] }',
        '"\\u00e9\\/"',
        "not JSON at all",
      ]),
  },
  {
    id: "O7",
    group,
    text: "names of counters and streams may be any well-formed text of 1 to 128 characters, and differ if they differ",
    rule,
    test: (context) => namesAreOrdinary(context, oddNames),
  },
  {
    id: "O8",
    group,
    text: "names that are empty, too long, ill-formed or hold NUL are invalid arguments, and write nothing",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const before = await everythingOf(store, owner, key);
      for (const name of ["", "x".repeat(129), "a\0b", "\ud800", "\udc00a"]) {
        const what = JSON.stringify(name);
        await rejects(`counter ${what}`, "INVALID_ARGUMENT", () =>
          store.commit(owner, [counting(key, { name, by: 1 })]),
        );
        await rejects(`stream ${what}`, "INVALID_ARGUMENT", () => store.commit(owner, [appending(key, name, "x")]));
        await rejects(`trim of ${what}`, "INVALID_ARGUMENT", () =>
          store.commit(owner, [{ ...key, expect: "present", trims: [{ stream: name, through: 1 }] }]),
        );
      }
      same("the record", await everythingOf(store, owner, key), before);
    },
  },
  {
    id: "O9",
    group,
    text: "a lone surrogate, which UTF-8 cannot hold, is an invalid argument and never silently another character",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await rejects("in a new document", "INVALID_ARGUMENT", () => store.commit(owner, [creation(key, '"\ud800"')]));
      same("absent", await isAbsent(store, owner, key), true);
      await make(store, owner, key);
      await rejects("in a document", "INVALID_ARGUMENT", () =>
        store.commit(owner, [{ ...key, expect: "present", document: { text: "\udfff" } }]),
      );
      await rejects("in an event", "INVALID_ARGUMENT", () =>
        store.commit(owner, [appending(key, "log", "fine", "a\ud800b")]),
      );
      same(
        "the record",
        [(await live(store, owner, key)).document, (await live(store, owner, key)).streams.size],
        ["{}", 0],
      );
    },
  },
  {
    id: "O10",
    group,
    text: "record ids of up to 128 characters are told apart by case; anything else is an invalid argument",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const ids = ["a", "A", "-", "_", "0", "x".repeat(128), "constructor", "__proto__"];
      for (const id of ids) await make(store, owner, { kind: "note", id }, `"${id}"`);
      for (const id of ids)
        same(`the document of ${id}`, (await live(store, owner, { kind: "note", id })).document, `"${id}"`);
      for (const id of ["", "x".repeat(129), "a/b", "../a", "a b", "é", "a\0", "a\n", "%"]) {
        const key = { kind: "note", id };
        await rejects(`creating ${JSON.stringify(id)}`, "INVALID_ARGUMENT", () => store.commit(owner, [creation(key)]));
        await rejects(`reading ${JSON.stringify(id)}`, "INVALID_ARGUMENT", () => store.read(owner, key));
      }
    },
  },
  {
    id: "O11",
    group,
    text: "kinds may have any name of their pattern, those that objects inherit included; anything else is an invalid argument",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      for (const kind of ["constructor", "a.b-c", "x".repeat(64)]) {
        await apply(store, owner, creation(fresh(context, kind)), { quota: { ofKind: { [kind]: 1 } } });
        same(`the count of ${kind}`, (await store.usage(owner)).byKind[kind], 1);
      }
      await apply(store, owner, creation(fresh(context, "constructor")), { quota: { ofKind: { other: 0 } } });
      for (const kind of ["", "A", "1a", "a_b", "a b", "é", "__proto__", "x".repeat(65)]) {
        await rejects(`kind ${JSON.stringify(kind)}`, "INVALID_ARGUMENT", () =>
          store.commit(owner, [creation({ kind, id: "a" })]),
        );
      }
    },
  },
  {
    id: "O12",
    group,
    text: "fields keep their types and values: true is not 1, null is not absent, numbers stay exact",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const fields = {
        a: true,
        b: false,
        c: null,
        d: 0,
        e: 1,
        f: 0.1,
        g: Number.MAX_SAFE_INTEGER,
        h: -1e21,
        i: "",
        j: "1",
        k: "true",
        l: "é'\"\\",
        "m n": "a\0b",
      };
      await apply(store, owner, { ...key, expect: "absent", create: { text: "{}", lifetime: {}, fields } });
      same("as read", (await live(store, owner, key)).fields, fields);
      same("as listed", (await store.list(owner, key.kind, { limit: 1, order: "oldest" })).records[0]?.fields, fields);
    },
  },
  {
    id: "O13",
    group,
    text: "what a caller does to its own objects after a commit changes nothing in the store",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const fields: Record<string, number> = { a: 1 };
      const lifetime: { idleMs?: number } = { idleMs: 60_000 };
      const data = ["x"];
      await apply(store, owner, {
        ...key,
        expect: "absent",
        create: { text: "{}", lifetime, fields },
        appends: [{ stream: "log", data }],
      });
      fields["a"] = 2;
      lifetime.idleMs = 1;
      data.push("y");
      const record = await live(store, owner, key);
      same("fields and lifetime", [record.fields, record.lifetime.idleMs], [{ a: 1 }, 60_000]);
      same("events", dataOf(await eventsOf(store, owner, key, "log")), ["x"]);
    },
  },
];

async function keptByteForByte(context: Context, texts: readonly string[]): Promise<void> {
  const { store } = context;
  const owner = context.owner();
  for (const text of texts) {
    const key = fresh(context);
    const what = JSON.stringify(text);
    await make(store, owner, key, text);
    const made = await live(store, owner, key);
    same(`the document ${what}`, [made.document, made.documentBytes], [text, Buffer.byteLength(text)]);
    await apply(store, owner, { ...appending(key, "log", text, text), document: { text: `${text}.` } });
    same(`the changed document ${what}`, (await live(store, owner, key)).document, `${text}.`);
    same(`the events ${what}`, dataOf(await eventsOf(store, owner, key, "log")), [text, text]);
  }
}

async function namesAreOrdinary(context: Context, names: readonly string[]): Promise<void> {
  const { store } = context;
  const owner = context.owner();
  const key = fresh(context);
  await make(store, owner, key);
  for (const [index, name] of names.entries()) {
    const result = await apply(store, owner, { ...appending(key, name, name), counters: [{ name, by: index + 1 }] });
    same(
      `the result for ${JSON.stringify(name)}`,
      [result.counters, result.heads],
      [new Map([[name, index + 1]]), new Map([[name, 1]])],
    );
  }
  const record = await live(store, owner, key);
  const expected = new Map(names.map((name, index) => [name, index + 1]));
  same("how many counters", record.counters.size, names.length);
  same("how many streams", record.streams.size, names.length);
  for (const name of names) {
    same(`the counter ${JSON.stringify(name)}`, record.counters.get(name), expected.get(name));
    same(`the stream ${JSON.stringify(name)}`, dataOf(await eventsOf(store, owner, key, name)), [name]);
    const { tails } = await store.read(owner, key, { tails: [{ stream: name, after: 0, limit: 5 }] });
    same(`the tail of ${JSON.stringify(name)}`, dataOf(present("the tail", tails[0])), [name]);
  }
}

import { describe, expect, it } from "vitest";

import type { Change } from "../record/change.ts";
import type { CommitOptions, ReadOptions } from "./contract.ts";
import {
  validateCommit,
  validateEvents,
  validateHint,
  validateKey,
  validateList,
  validateName,
  validateRead,
} from "./validate.ts";

const key = { kind: "note", id: "a" };
const create = { text: "{}", lifetime: {} };
const sound: Change = { ...key, expect: "any", create };
const invalid = expect.objectContaining({ code: "INVALID_ARGUMENT" });

function codeOf(call: () => void): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("a commit is refused", () => {
  const changes: readonly (readonly [string, readonly Change[]])[] = [
    ["without changes", []],
    ["with seventeen", Array.from({ length: 17 }, (_, index) => ({ ...sound, id: `${index}` }))],
    ["with one record named twice", [sound, { ...sound, expect: "present" }]],
    ["with a malformed kind", [{ ...sound, kind: "Note" }]],
    ["with a malformed id", [{ ...sound, id: "a/b" }]],
    ["expecting absence without saying what to create", [{ ...key, expect: "absent" }]],
    ["expecting version 0", [{ ...sound, expect: 0 }]],
    ["expecting a version that is none", [{ ...sound, expect: Number.NaN }]],
    ["expecting a version beyond the safe integers", [{ ...sound, expect: 2 ** 53 }]],
    ["with a negative lifetime", [{ ...sound, create: { text: "", lifetime: { idleMs: -1 } } }]],
    ["with half a millisecond", [{ ...sound, lifetime: { absoluteMs: 0.5 } }]],
    ["with an endless retention", [{ ...sound, lifetime: { retainMs: Number.POSITIVE_INFINITY } }]],
    ["with a lone surrogate in what it creates", [{ ...sound, create: { text: "\ud800", lifetime: {} } }]],
    ["with a lone surrogate in a document", [{ ...sound, document: { text: "a\udc00" } }]],
    ["with a negative position of a document", [{ ...sound, document: { text: "", position: -1 } }]],
    ["with half a position of what it creates", [{ ...sound, create: { ...create, position: 0.5 } }]],
    ["with a nameless counter", [{ ...sound, counters: [{ name: "", by: 1 }] }]],
    ["with a step that is no integer", [{ ...sound, counters: [{ name: "n", by: 0.1 }] }]],
    ["with a bound that is no number", [{ ...sound, counters: [{ name: "n", by: 1, max: Number.NaN }] }]],
    ["with a stream's name too long", [{ ...sound, appends: [{ stream: "x".repeat(129), data: [] }] }]],
    ["with a NUL in a stream's name", [{ ...sound, trims: [{ stream: "a\0", through: 1 }] }]],
    ["with a lone surrogate in an event", [{ ...sound, appends: [{ stream: "s", data: ["fine", "\udfff"] }] }]],
    ["with a negative `keep`", [{ ...sound, appends: [{ stream: "s", data: [], keep: -1 }] }]],
    ["with half a head", [{ ...sound, appends: [{ stream: "s", data: [], expectedHead: 1.5 }] }]],
    ["with a negative trim", [{ ...sound, trims: [{ stream: "s", through: -1 }] }]],
  ];

  it.each(changes)("%s", (_what, given) => {
    expect(codeOf(() => validateCommit(given, {}))).toEqual(invalid);
  });

  const commitId = { id: "x", digest: "d", origin: "caller" } as const;
  const options: readonly (readonly [string, CommitOptions])[] = [
    ["with an empty commit id", { commitId: { ...commitId, id: "" } }],
    ["with a commit id too long", { commitId: { ...commitId, id: "x".repeat(257) } }],
    ["with a NUL in its commit id", { commitId: { ...commitId, id: "a\0b" } }],
    ["with a lone surrogate in its commit id", { commitId: { ...commitId, id: "\ud800" } }],
    ["with a fence that names no record", { fence: { key: { kind: "", id: "a" }, token: 1 } }],
    ["with a fence without a version", { fence: { key, token: 0 } }],
  ];

  it.each(options)("%s", (_what, given) => {
    expect(codeOf(() => validateCommit([sound], given))).toEqual(invalid);
  });

  it("once its signal is aborted, with the reason as cause", () => {
    const reason = new Error("gone home");
    expect(codeOf(() => validateCommit([], { signal: AbortSignal.abort(reason) }))).toMatchObject({
      code: "ABORTED",
      cause: reason,
    });
  });
});

it("lets sixteen well-formed changes pass, odd names and all", () => {
  const odd = Array.from(
    { length: 16 },
    (_, index): Change => ({
      ...sound,
      id: `${index}`,
      document: { text: "\0😀" },
      counters: [{ name: "__proto__", by: -Number.MAX_SAFE_INTEGER, min: Number.NEGATIVE_INFINITY }],
      appends: [{ stream: "🔑", data: ["", "\0"], keep: 0, expectedHead: 0 }],
      trims: [{ stream: "x".repeat(128), through: 0 }],
      lifetime: { idleMs: 0, absoluteMs: 0, retainMs: 0 },
    }),
  );
  expect(
    codeOf(() => validateCommit(odd, { commitId: { id: "ü".repeat(256), digest: "", origin: "internal" } })),
  ).toBeUndefined();
});

it("takes the same id of two kinds for two records, and never confuses kind and id", () => {
  expect(codeOf(() => validateCommit([sound, { ...sound, kind: "other" }], {}))).toBeUndefined();
  expect(
    codeOf(() =>
      validateCommit(
        [
          { ...sound, kind: "a", id: "b-c" },
          { ...sound, kind: "a-b", id: "c" },
        ],
        {},
      ),
    ),
  ).toBeUndefined();
});

it("holds reads to their tails and commit id", () => {
  const reading = (options: ReadOptions): unknown => codeOf(() => validateRead(key, options));
  expect(
    reading({
      tails: [
        { stream: "s", after: "document", limit: 1 },
        { stream: "s", after: { last: 0 }, limit: 10_000 },
      ],
      commitId: "x",
    }),
  ).toBeUndefined();
  expect(reading({ tails: [{ stream: "s", after: 0, limit: 0 }] })).toEqual(invalid);
  expect(reading({ tails: [{ stream: "s", after: -1, limit: 1 }] })).toEqual(invalid);
  expect(reading({ tails: [{ stream: "s", after: { last: 0.5 }, limit: 1 }] })).toEqual(invalid);
  expect(reading({ tails: [{ stream: "", after: 0, limit: 1 }] })).toEqual(invalid);
  expect(reading({ commitId: "" })).toEqual(invalid);
  expect(codeOf(() => validateKey({ kind: "note", id: "" }))).toEqual(invalid);
});

it.each([0, -1, 1.5, Number.NaN, 10_001])("takes %s for no limit of a page", (limit) => {
  expect(codeOf(() => validateEvents(key, "s", { limit }))).toEqual(invalid);
  expect(codeOf(() => validateList("note", { limit, order: "oldest" }))).toEqual(invalid);
});

it("holds events and lists to their ranges", () => {
  expect(codeOf(() => validateEvents(key, "s", { limit: 10_000, after: 0, before: 5, maxBytes: 0 }))).toBeUndefined();
  for (const wrong of [{ after: -1 }, { before: 0.5 }, { maxBytes: -1 }])
    expect(codeOf(() => validateEvents(key, "s", { limit: 1, ...wrong }))).toEqual(invalid);
  expect(codeOf(() => validateList("note", { limit: 1_000, order: "newest" }))).toBeUndefined();
  expect(codeOf(() => validateList(undefined, { limit: 1_000 }))).toBeUndefined();
  expect(codeOf(() => validateList("", { limit: 1 }))).toEqual(invalid);
});

it("measures hints in UTF-8", () => {
  expect(codeOf(() => validateHint("x".repeat(199)))).toBeUndefined();
  expect(codeOf(() => validateHint("é".repeat(99)))).toBeUndefined();
  expect(codeOf(() => validateHint("é".repeat(100)))).toEqual(invalid);
});

it.each(["", "x".repeat(129), "\0", "\udc00"])("takes %j for no name", (name) => {
  expect(codeOf(() => validateName("counter", name))).toEqual(invalid);
});

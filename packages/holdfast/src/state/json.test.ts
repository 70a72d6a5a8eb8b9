import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { canonicalJson, jsonText } from "./json.ts";
import { mergePatch } from "./merge-patch.ts";

const parse = (text: string): unknown => JSON.parse(text);

describe("jsonText", () => {
  test("writes every JSON value exactly as JSON.stringify does", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        expect(jsonText(value, "x", 1_000_000)).toBe(JSON.stringify(value));
      }),
    );
  });

  test("names the path of what it refuses", () => {
    expect(() => jsonText({ a: [{ b: 1 }, { b: 2n }] }, "the thing", 100)).toThrow(
      /the thing holds a bigint at a\[1\]\.b/,
    );
    expect(() => jsonText([new Set()], "x", 100)).toThrow(/an instance of Set at \[0\]/);
    expect(() => jsonText(undefined, "x", 100)).toThrow(/undefined/);
  });

  test("measures bytes, not characters, and stops early where references are shared", () => {
    expect(jsonText("é".repeat(49), "x", 100)).toHaveLength(51);
    expect(() => jsonText("é".repeat(50), "x", 100)).toThrow(/larger than 100 bytes/);
    let shared: unknown = [];
    for (let level = 0; level < 60; level++) shared = [shared, shared];
    const startedAt = performance.now();
    expect(() => jsonText(shared, "x", 1_000_000)).toThrow(/larger/);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test("takes 64 levels and not one more", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect(jsonText(nested(64), "x", 1_000)).toBe("[".repeat(64) + "1" + "]".repeat(64));
    expect(() => jsonText(nested(65), "x", 1_000)).toThrow(/64 levels/);
  });
});

test("canonical JSON is equal exactly for equal values", () => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, member]) => [key, shuffled(member)]),
    );
  };
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const [textA, textB] = [JSON.stringify(a), JSON.stringify(b)];
      expect(canonicalJson(JSON.stringify(shuffled(a)))).toBe(canonicalJson(textA));
      if (canonicalJson(textA) === canonicalJson(textB)) expect(parse(textA)).toEqual(parse(textB));
    }),
  );
  expect(canonicalJson('{"b":1,"__proto__":{"d":1,"c":2},"a":3}')).toBe('{"__proto__":{"c":2,"d":1},"a":3,"b":1}');
});

/** The examples of RFC 7396, appendix A. */
test.each<[string, string, string]>([
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', "{}"],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', "null", "null"],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
  ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ["{}", '{"__proto__":{"x":1}}', '{"__proto__":{"x":1}}'],
  ['{"__proto__":{"x":1,"y":2}}', '{"__proto__":{"x":null}}', '{"__proto__":{"y":2}}'],
  ['{"toJSON":{"x":1}}', '{"toJSON":{"y":2}}', '{"toJSON":{"x":1,"y":2}}'],
])("merging into %s the patch %s gives %s", (target, patch, result) => {
  const before = parse(target);
  expect(JSON.stringify(mergePatch(before, parse(patch)))).toBe(result);
  expect(JSON.stringify(before)).toBe(target);
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkBody, isDeeperThan, nestsDeeperThan, parseBody } from "./body.ts";

const limits = { maxBatch: 100, maxDepth: 64 };

function nested(levels: number, inside: unknown = 1): unknown {
  let value = inside;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { x: value };
  return value;
}

function batchOf(length: number): unknown[] {
  return Array.from({ length }, () => ({}));
}

function refusalOf(result: ReturnType<typeof parseBody>): unknown {
  if (!("refused" in result)) return undefined;
  const { status, body } = result.refused;
  return { status, error: typeof body === "string" ? JSON.parse(body) : body };
}

describe("parseBody", () => {
  it.each(["", " ", "{", "nul", '{"a":1}x', "\u0000"])("answers -32700 to %j", (text) => {
    expect(refusalOf(parseBody(text, limits))).toMatchObject({
      status: 400,
      error: { error: { code: -32700 }, id: null },
    });
  });

  it("keeps __proto__ as plain data", () => {
    const parsed = parseBody('{"__proto__":{"x":1},"method":"m"}', limits);
    expect("body" in parsed && Object.keys(parsed.body as object)).toEqual(["__proto__", "method"]);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it("takes 64 levels and refuses 65", () => {
    expect(parseBody(JSON.stringify(nested(64, "leaf")), limits)).toHaveProperty("body");
    expect(refusalOf(parseBody(JSON.stringify({ x: nested(64, "leaf") }), limits))).toMatchObject({
      status: 400,
      error: { error: { code: -32600 } },
    });
  });

  it("survives nesting that no recursion would", () => {
    const levels = 500_000;
    const text = `${"[".repeat(levels)}1${"]".repeat(levels)}`;
    expect(refusalOf(parseBody(text, limits))).toMatchObject({ status: 400, error: { error: { code: -32600 } } });
  });

  it("measures messages of a batch as if they came alone", () => {
    expect(parseBody(JSON.stringify([{ x: nested(63) }]), limits)).toHaveProperty("body");
    expect(parseBody(JSON.stringify([{ x: nested(64) }]), limits)).toHaveProperty("refused");
  });
});

describe("nestsDeeperThan", () => {
  it.each([
    ['["[[[["]', 1],
    ['{"[{":"]}"}', 1],
    ['["\\"[[["]', 1],
    ['["\\\\",["x"]]', 2],
    ['["\\\\\\"[[",[]]', 2],
    ['[[],{"a":[]},[]]', 3],
    [" 1 ", 0],
    ['""', 0],
  ])("measures %s by what is outside of strings", (text, depth) => {
    expect(nestsDeeperThan(text, depth)).toBe(false);
    if (depth > 0) expect(nestsDeeperThan(text, depth - 1)).toBe(true);
  });

  it("agrees with a walk of the value, whatever JSON it is", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.nat(7), (text, max) => {
        expect(nestsDeeperThan(text, max)).toBe(isDeeperThan(JSON.parse(text), max));
      }),
    );
  });
});

describe("checkBody", () => {
  it("refuses empty batches and batches of more than a hundred", () => {
    expect(refusalOf(checkBody([], limits))).toMatchObject({ status: 400, error: { error: { code: -32600 } } });
    expect(checkBody(batchOf(100), limits)).toHaveProperty("body");
    expect(refusalOf(checkBody(batchOf(101), limits))).toMatchObject({ error: { error: { code: -32600 } } });
  });

  it("ends on values that contain themselves more than once", () => {
    const loop: unknown[] = [];
    loop.push(loop, loop, loop);
    expect(isDeeperThan(loop, 64)).toBe(true);
    expect(isDeeperThan([[], {}, 1], 1)).toBe(true);
    expect(isDeeperThan([[], {}, 1], 2)).toBe(false);
  });

  it("ends on values that contain themselves", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(isDeeperThan(loop, 64)).toBe(true);
  });
});

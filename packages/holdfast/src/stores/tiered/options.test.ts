import { expect, test } from "vitest";

import { resolveOptions, tieredOptionsOf } from "./options.ts";

test("a URL names both servers, whatever commas they have", () => {
  expect(tieredOptionsOf("redis+cluster://a:1,b:2?accept=x,postgresql://u:p,@h/d")).toEqual({
    redis: "redis+cluster://a:1,b:2?accept=x",
    postgres: "postgresql://u:p,@h/d",
  });
});

test.each(["redis://h", "postgres://h/d,redis://h", "", "memory:,postgres://secret@h/d"])(
  "%s is no pair, and is not repeated",
  (rest) => {
    expect(() => tieredOptionsOf(rest)).toThrow("a tiered store is given as");
    expect(() => tieredOptionsOf(rest)).not.toThrow("secret");
  },
);

test("options are checked by name and range", () => {
  const pair = { redis: "redis://h", postgres: "postgres://h/d" };
  expect(() => resolveOptions({ ...pair, maxStaleMs: -1 })).toThrow("maxStaleMs is a whole number from 0");
  expect(() => resolveOptions({ ...pair, cacheTimeoutMs: 0.5 })).toThrow("cacheTimeoutMs is a whole number from 1");
  expect(() => resolveOptions({ ...pair, ...{ maxStaleness: 1 } })).toThrow('"maxStaleness" is not an option');
  expect(resolveOptions(pair)).toMatchObject({ maxStaleMs: 2_000, redis: { prefix: "holdfast-cache:" } });
});

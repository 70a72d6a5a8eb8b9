import { expect, it } from "vitest";

import { Subscribed, tooManyResources } from "./subscribed.ts";

const uris = (count: number, length: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `x://${n}`.padEnd(length, "x"));

it("256 resources may be subscribed to, whose addresses are not too long, each and together", () => {
  for (const fits of [uris(0, 1), uris(256, 128), uris(16, 2_048)]) expect(tooManyResources(fits)).toBeUndefined();
  for (const beyond of [uris(257, 10), uris(1, 2_049), uris(17, 2_048), uris(100_000, 10)]) {
    expect(tooManyResources(beyond)).toContain("at most 256 resources");
  }
});

it("a connection is told of one too many, and keeps those that it has", () => {
  const subscribed = new Subscribed();
  const all = uris(257, 20);
  for (const uri of all.slice(0, 256)) subscribed.change(uri, true);
  const [first = "", last = ""] = [all[0], all[256]];
  subscribed.change(first, true);
  expect(() => subscribed.change(last, true)).toThrow("at most 256 resources");
  expect(subscribed.uris.size).toBe(256);
  subscribed.change(first, false);
  subscribed.change(last, true);
  expect([subscribed.uris.has(first), subscribed.uris.has(last)]).toEqual([false, true]);
});

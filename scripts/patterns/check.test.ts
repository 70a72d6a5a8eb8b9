import { describe, expect, it } from "vitest";

import { checkPatterns } from "./check.ts";

const none: ReadonlyMap<string, string> = new Map();

function found(source: string, excused = none): readonly string[] {
  return checkPatterns(new Map([["a.ts", source]]), excused);
}

describe("a planted fault is found:", () => {
  it.each([
    ["one that takes exponential time", "export const a = /^(a+)+$/;", /^a\.ts:1 .*takes exponential time/],
    ["one that takes quadratic time", "\nexport const a = /\\s+$/;", /^a\.ts:2 .*takes 2nd degree polynomial time/],
    ["one that is made from what came", "export const a = (b: string) => new RegExp(b);", /write it as a literal/],
  ])("%s", (_, source, complaint) => {
    expect(found(source)).toEqual([expect.stringMatching(complaint)]);
  });

  it("an excuse that nobody needs", () => {
    expect(found("export const a = 1;", new Map([["a.ts", "was slow once"]]))).toEqual([
      expect.stringContaining("without need"),
    ]);
  });
});

it.each(["/^[a-z]{1,8}$/", "/a|b/g", "/(?<=:)[^:@]*@/", "'(a+)+$'"])("%s is fine", (pattern) => {
  expect(found(`export const a = ${pattern};`)).toEqual([]);
});

import { expect, it } from "vitest";

import { checkLengths } from "./check.ts";

const lines = (count: number): string => "x;\n".repeat(count);

it("lets 400 lines pass and no more", () => {
  expect(checkLengths(new Map([["a.ts", lines(400)]]))).toEqual([]);
  expect(checkLengths(new Map([["a.ts", lines(401)]]))).toEqual([expect.stringContaining("a.ts: 401 lines")]);
});

it("lets an excused file be longer, and wants the excuse back when it is not", () => {
  const excuses = new Map([["a.ts", "a table of the specification"]]);
  expect(checkLengths(new Map([["a.ts", lines(900)]]), excuses)).toEqual([]);
  expect(checkLengths(new Map([["a.ts", lines(9)]]), excuses)).toEqual([expect.stringContaining("a.ts: excused")]);
  expect(checkLengths(new Map(), excuses)).toEqual([expect.stringContaining("a.ts: excused")]);
});

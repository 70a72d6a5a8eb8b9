import { expect, it } from "vitest";

import { cut, isOfLength, isWellFormed, utf8Length } from "./text.ts";

it.each([
  ["", 0],
  ["abc", 3],
  ["é", 2],
  ["€", 3],
  ["😀", 4],
  ["\0", 1],
  ["\ud800", 3],
])("counts the bytes of %j as %i", (text, bytes) => {
  expect(utf8Length(text)).toBe(bytes);
});

it.each([
  ["", true],
  ["😀 é \0", true],
  ["\ud83d", false],
  ["\ude00\ud83d", false],
  [`${"x".repeat(1_000)}\udfff`, false],
])("says whether %j is well-formed: %s", (text, is) => {
  expect(isWellFormed(text)).toBe(is);
});

it.each([
  ["abc", 3, "abc"],
  ["abcd", 3, "abc"],
  ["a😀b", 3, "a😀"],
  ["a😀b", 2, "a"],
  ["😀", 0, ""],
])("cuts %j to at most %i, and never a character in half", (text, length, kept) => {
  expect(cut(text, length)).toBe(kept);
});

it.each([
  ["", false],
  ["x", true],
  ["xxx", true],
  ["xxxx", false],
  ["😀😀😀", true],
  ["😀😀😀😀", false],
  ["😀xxx", false],
  ["x".repeat(10_000_000), false],
])("counts characters, not units of UTF-16, in %.20j against three: %s", (text, expected) => {
  expect(isOfLength(text, 3)).toBe(expected);
});

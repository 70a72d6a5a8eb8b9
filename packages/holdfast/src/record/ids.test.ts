import { expect, it } from "vitest";

import { idOfName, isKindName, isRecordId, mintId, mintSecret, ownerOf } from "./ids.ts";

it("mints ids that are record ids, hold at least 132 bits, and differ", () => {
  const ids = Array.from({ length: 1_000 }, () => mintId("ses"));
  for (const id of ids) expect(id).toMatch(/^ses_[A-Za-z0-9_-]{22}$/);
  expect(ids.every(isRecordId)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
});

it.each([1, 6, 7, 128, 132, 256])("mints secrets of at least %i bits", (bits) => {
  expect(mintSecret(bits).length * 6).toBeGreaterThanOrEqual(bits);
  expect(mintSecret(bits)).toMatch(/^[A-Za-z0-9_-]+$/);
});

it("finds the same id for the same name, and another for any other", () => {
  expect(idOfName("p", "name")).toBe(idOfName("p", "name"));
  expect(isRecordId(idOfName("p", "💾 any\0 text"))).toBe(true);
  const names = ["", " ", "a", "A", "é", "e\u0301", "__proto__", "a/b"];
  expect(new Set(names.map((name) => idOfName("p", name))).size).toBe(names.length);
});

it("tells principals apart by issuer and subject, wherever the border between them lies", () => {
  const owners = [
    ownerOf({ issuer: "a", subject: "b" }),
    ownerOf({ issuer: "ab", subject: "" }),
    ownerOf({ issuer: "", subject: "ab" }),
    ownerOf({ issuer: 'a","b', subject: "" }),
    ownerOf({ issuer: "a", subject: 'b"' }),
  ];
  expect(new Set(owners).size).toBe(owners.length);
  expect(ownerOf({ issuer: "a", subject: "b" })).toBe(owners[0]);
  for (const owner of owners) expect(owner).toMatch(/^[A-Za-z0-9_-]{32}$/);
});

it.each(["a", "A-_9", "x".repeat(128)])("takes %j for a record id", (text) => {
  expect(isRecordId(text)).toBe(true);
});

it.each(["", "a b", "a\n", "é", "a/b", "x".repeat(129)])("takes %j for no record id", (text) => {
  expect(isRecordId(text)).toBe(false);
});

it.each([
  ["note", true],
  ["holdfast.transport", true],
  ["a-1.b", true],
  ["constructor", true],
  ["", false],
  ["Note", false],
  ["1a", false],
  ["a_b", false],
  ["note\n", false],
  ["x".repeat(65), false],
])("takes %j for a kind: %s", (text, is) => {
  expect(isKindName(text)).toBe(is);
});

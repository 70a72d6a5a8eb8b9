import { expect, it } from "vitest";

import { lengthOf } from "./commit-length.ts";

const key = { kind: "note", id: "a", expect: "present" } as const;
const pieces = { step: 10, counter: 100 };

it("counts text once, and each event, append, trim and counter beside it", () => {
  expect(lengthOf([{ ...key, document: { text: "12345" } }], pieces)).toBe(15);
  expect(lengthOf([{ ...key, appends: [{ stream: "s", data: ["123", ""] }] }], pieces)).toBe(43);
  const counters = [
    { name: "n", by: 1 },
    { name: "n", by: 1 },
  ];
  expect(lengthOf([{ ...key, counters, trims: [{ stream: "s", through: 1 }] }, key], pieces)).toBe(230);
});

it("does not take very many empty events for nothing", () => {
  const data = Array.from({ length: 10_000 }, () => "");
  expect(lengthOf([{ ...key, appends: [{ stream: "s", data }] }], pieces)).toBeGreaterThan(100_000);
});

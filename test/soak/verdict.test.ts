import { expect, it } from "vitest";

import { type Measured, type Sample, verdicts } from "./verdict.ts";

const mebi = 1024 * 1024;

function samples(of: (index: number) => Partial<Record<Measured, number>>): readonly Sample[] {
  return Array.from({ length: 60 }, (_, index) => ({
    atMs: index * 1_000,
    // A heap between two collections: it rises and falls.
    heapBytes: 60 * mebi + (index % 7) * 10 * mebi,
    handles: 40 + (index % 3),
    records: index < 20 ? index * 50 : 300 + (index % 10) * 60,
    connections: 30,
    streams: 10,
    warm: 50 + (index % 10) * 12,
    ...of(index),
  }));
}

function uneven(given: readonly Sample[]): readonly Measured[] {
  return verdicts(given).flatMap(({ what, level }) => (level ? [] : [what]));
}

it("finds a heap level that rises and falls, and counts that level off", () => {
  expect(uneven(samples(() => ({})))).toEqual([]);
});

it.each<[Measured, (index: number) => number]>([
  ["heapBytes", (index) => 60 * mebi + index * mebi + (index % 7) * 10 * mebi],
  ["handles", (index) => 40 + index],
  ["records", (index) => index * 50],
  ["connections", (index) => 30 + index],
  ["streams", (index) => 10 + index],
  ["warm", (index) => 50 + index * 4],
])("finds that %s grows", (what, grow) => {
  expect(uneven(samples((index) => ({ [what]: grow(index) })))).toEqual([what]);
});

it("says so where there is too little to tell anything", () => {
  expect(() => verdicts(samples(() => ({})).slice(0, 8))).toThrow("too few");
});

import { expect, it } from "vitest";

import { race } from "./race.ts";

it("runs a function n times with different indices, all begun before any has gone on", async () => {
  const begun: number[] = [];
  const { fulfilled, rejected, values } = await race(5, async (index) => {
    begun.push(index);
    await Promise.resolve();
    return begun.length;
  });
  expect([fulfilled, rejected]).toEqual([5, 0]);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect(values).toEqual([5, 5, 5, 5, 5]);
});

it("waits for everyone and tells winners from losers", async () => {
  let taken = false;
  const result = await race(4, (index) => {
    if (taken) throw new Error(`${index} came too late`);
    taken = true;
    return index;
  });
  expect(result).toMatchObject({ fulfilled: 1, rejected: 3, values: [0] });
  expect(result.errors.map(String)).toEqual([
    "Error: 1 came too late",
    "Error: 2 came too late",
    "Error: 3 came too late",
  ]);
  expect(result.outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "rejected"]);
});

it.each([0, -1, 1.5, Number.NaN])("refuses to race %s runs", async (n) => {
  await expect(race(n, () => 1)).rejects.toThrow(RangeError);
});

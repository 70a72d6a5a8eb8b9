import { expect, it } from "vitest";

import { slotOf } from "./slots.ts";

it("finds the slots that the cluster's specification and its servers name", () => {
  // `CLUSTER KEYSLOT` of Redis 7.0.
  expect(slotOf("123456789")).toBe(0x31c3 % 16_384);
  expect(slotOf("foo")).toBe(12_182);
  expect(slotOf("somekey")).toBe(11_058);
});

it("lets only what stands in the first pair of braces decide, unless nothing stands there", () => {
  expect(slotOf("a{foo}b")).toBe(slotOf("foo"));
  expect(slotOf("{foo}{bar}")).toBe(slotOf("foo"));
  expect(slotOf("foo{}{bar}")).not.toBe(slotOf("bar"));
  expect(slotOf("foo{{bar}}zap")).toBe(slotOf("{bar"));
});

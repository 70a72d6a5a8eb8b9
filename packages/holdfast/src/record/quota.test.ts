import { expect, it } from "vitest";

import { brokenQuota, type OwnerCounts, usageOf } from "./quota.ts";

const nothing: OwnerCounts = { bytes: 0, kinds: new Map(), commitIds: 0 };

it("bounds callers' commit ids at 100,000 an owner without being asked to", () => {
  const refusal = { reason: "quota", quota: "commitIds", limit: 100_000 };
  for (const quota of [undefined, {}, { records: 5 }]) {
    expect(brokenQuota({ ...nothing, commitIds: 99_999 }, { ...nothing, commitIds: 1 }, quota)).toBeUndefined();
    expect(brokenQuota({ ...nothing, commitIds: 100_000 }, { ...nothing, commitIds: 1 }, quota)).toEqual(refusal);
    expect(brokenQuota({ ...nothing, commitIds: 100_001 }, nothing, quota)).toBeUndefined();
  }
});

it("stops only what grows, and counts the engine's own kinds for bytes alone", () => {
  const standing = {
    ...nothing,
    bytes: 10,
    kinds: new Map([
      ["note", 2],
      ["holdfast.inner", 9],
    ]),
  };
  const more = (kind: string): OwnerCounts => ({ ...nothing, bytes: 1, kinds: new Map([[kind, 1]]) });
  expect(brokenQuota(standing, more("note"), { records: 2 })).toMatchObject({ quota: "records" });
  expect(brokenQuota(standing, more("holdfast.inner"), { records: 2 })).toBeUndefined();
  expect(brokenQuota(standing, more("holdfast.inner"), { bytes: 10 })).toMatchObject({ quota: "bytes" });
  expect(brokenQuota(standing, { ...nothing, bytes: -1 }, { bytes: 1, records: 0 })).toBeUndefined();
  expect(usageOf(standing)).toEqual({ records: 2, bytes: 10, byKind: { note: 2 } });
});

it("takes a kind called like a property of every object for a kind", () => {
  const growth = { ...nothing, kinds: new Map([["constructor", 1]]) };
  expect(brokenQuota(nothing, growth, { ofKind: {} })).toBeUndefined();
  expect(brokenQuota(nothing, growth, { ofKind: { constructor: 0 } })).toMatchObject({ quota: "kind" });
});

import { expect, it } from "vitest";

import type { StoredRecord } from "../record/record.ts";
import { refuseSetback, validateDump } from "./validate-dump.ts";

const record: StoredRecord = {
  kind: "note",
  id: "a",
  version: 5,
  incarnation: 3,
  createdAt: 1,
  updatedAt: 2,
  touchedAt: 3,
  lifetime: { idleMs: 1_000 },
  expiresAt: 1_003,
  fields: { label: "x", none: null },
  counters: new Map([["__proto__", -4]]),
  streams: new Map([
    ["log", { head: 3, first: 2 }],
    ["emptied", { head: 2, first: 3 }],
    ["__proto__", { head: 1, first: 1 }],
  ]),
  documentPosition: 0,
  documentBytes: 2,
  document: "{}",
};
const event = (position: number): { position: number; at: number; data: string } => ({ position, at: 9, data: "x" });
// `fromEntries` defines properties, so that a stream named "__proto__" is one like any other.
const events = Object.fromEntries([
  ["log", [event(2), event(3)]],
  ["emptied", []],
  ["__proto__", [event(1)]],
]);

it("takes what a store exports, emptied streams and odd names included", () => {
  expect(() => validateDump({ record, events })).not.toThrow();
  const { emptied: _none, ...others } = events;
  expect(() => validateDump({ record, events: others })).not.toThrow();
});

it.for([
  ["a run that ends before the head", { ...events, log: [event(2)] }],
  ["a hole", { ...events, log: [event(1), event(3)] }],
  ["more than is retained", { ...events, log: [event(1), event(2), event(3)] }],
  ["a stream that is not listed", { ...events, other: [] }],
] as const)("refuses %s", ([, wrong]) => {
  expect(() => validateDump({ record, events: wrong })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
});

it("tells an import that takes versions back from one that does not", () => {
  const conflict = expect.objectContaining({ code: "CONFLICT" });
  expect(() => refuseSetback(record, 6, 0)).toThrow(conflict);
  expect(() => refuseSetback(record, 5, 9)).not.toThrow();
  expect(() => refuseSetback(record, undefined, 3)).toThrow(conflict);
  expect(() => refuseSetback(record, undefined, 2)).not.toThrow();
});

import { expect, it } from "vitest";

import { type Happened, linearize } from "./linearize.test-kit.ts";
import { commitToModel, type ModelOwner, newOwner } from "./model.test-kit.ts";
import { plain } from "./operation.test-kit.ts";

const now = 1_000;

/** An owner whose record `note/a` has ended and waits for a sweep. */
function withTombstone(): ModelOwner {
  const owner = newOwner();
  const create = { text: "{}", lifetime: {} };
  commitToModel(owner, [{ kind: "note", id: "a", expect: "absent", create }], {}, now);
  commitToModel(owner, [{ kind: "note", id: "a", expect: "present", end: true }], {}, now);
  return owner;
}

const sweep = (removed: readonly object[], begunAt: number, answeredAt: number): Happened => ({
  operation: { what: "reap", whose: 0 },
  answer: plain(removed),
  begunAt,
  answeredAt,
});

const refusedChange = (begunAt: number, answeredAt: number): Happened => ({
  operation: { what: "commit", whose: 0, changes: [{ kind: "note", id: "a", expect: "present" }], options: {} },
  answer: plain({ ok: false, at: now, refusal: { reason: "version", index: 0, expected: "present" } }),
  begunAt,
  answeredAt,
});

const tombstone = { kind: "note", id: "a", cause: "ended", closed: false, fields: {}, livedMs: 0 };

it("lets a sweep pass over what a call at the same time held, and only then", () => {
  expect(linearize(withTombstone(), [sweep([], 1, 4), refusedChange(2, 3)], now)).toBe(true);
  expect(linearize(withTombstone(), [sweep([], 1, 2), refusedChange(3, 4)], now)).toBe(false);
});

it("never lets a sweep remove what was not there, or remove it twice", () => {
  const phantom = { kind: "note", id: "b", cause: "ended", closed: false, fields: {}, livedMs: 0 };
  expect(linearize(withTombstone(), [sweep([phantom], 1, 4), refusedChange(2, 3)], now)).toBe(false);
  expect(linearize(withTombstone(), [sweep([tombstone], 1, 3), sweep([tombstone], 2, 4)], now)).toBe(false);
  expect(linearize(withTombstone(), [sweep([tombstone], 1, 3), sweep([], 2, 4)], now)).toBe(true);
});

import { describe, expect, it } from "vitest";

import { checkLock, type LockOperation } from "./leases.ts";
import { linearize, type Model, type Timed } from "./linearize.ts";

let names = 0;
function did(
  begunAt: number,
  endedAt: number,
  operation: LockOperation,
  name = `${operation.what} ${(names += 1)}`,
): Timed<LockOperation> {
  return { name, begunAt, endedAt, operation };
}
const acquired = (begunAt: number, endedAt: number, holder: string, token: number): Timed<LockOperation> =>
  did(begunAt, endedAt, { what: "acquired", holder, token }, holder);
const released = (
  begunAt: number,
  endedAt: number,
  holder: string,
  token: number,
  stood = true,
): Timed<LockOperation> => did(begunAt, endedAt, { what: "released", holder, token, stood });
const wrote = (begunAt: number, endedAt: number, token: number, applied: boolean): Timed<LockOperation> =>
  did(begunAt, endedAt, { what: "fenced", token, applied });

describe("a lock", () => {
  it.each([
    ["passes from one to the next", [acquired(0, 10, "a", 1), released(20, 30, "a", 1), acquired(25, 40, "b", 2)]],
    [
      "refuses whoever comes meanwhile",
      [acquired(0, 10, "a", 1), did(12, 14, { what: "refused" }), released(20, 30, "a", 1)],
    ],
    [
      "may be released by somebody nobody heard of again",
      [acquired(0, 10, "a", 1), released(20, Number.POSITIVE_INFINITY, "a", 1), acquired(40, 50, "b", 2)],
    ],
    [
      "lets its holder write, and nobody later",
      [acquired(0, 10, "a", 1), wrote(12, 14, 1, true), released(20, 30, "a", 1), wrote(40, 50, 1, false)],
    ],
  ] as const)("%s", (_what, history) => {
    expect(checkLock("lock", history)).toEqual([]);
  });

  it.each([
    ["two holders", "b", [acquired(0, 10, "a", 1), acquired(20, 30, "b", 2), released(40, 50, "a", 1)]],
    ["a token that goes back", "b", [acquired(0, 10, "a", 5), released(20, 30, "a", 5), acquired(40, 50, "b", 4)]],
    [
      "a late write under an old token",
      "fenced",
      [acquired(0, 10, "a", 1), released(20, 30, "a", 1), acquired(40, 50, "b", 2), wrote(60, 70, 1, true)],
    ],
    [
      "a refusal though it was free",
      "refused",
      [acquired(0, 10, "a", 1), released(20, 30, "a", 1), did(40, 50, { what: "refused" })],
    ],
    ["a release by somebody else that counted", "released", [acquired(0, 10, "a", 1), released(20, 30, "b", 1)]],
  ] as const)("with %s has no explanation", (_what, culprit, history) => {
    const [fault] = checkLock("lock", history);
    expect(fault?.operations[0]).toMatch(new RegExp(`^${culprit}`));
  });
});

/** A plain register: the classic example. */
const register: Model<number, { readonly write?: number; readonly read?: number }> = {
  initial: 0,
  step: (state, { write, read }) => (write !== undefined ? write : read === state ? state : undefined),
  key: String,
};

describe("the search", () => {
  it("finds an order among many that overlap, and none where there is none", () => {
    const writes = Array.from({ length: 9 }, (_, index) => ({
      name: `w${index}`,
      begunAt: 0,
      endedAt: 100,
      operation: { write: index + 1 },
    }));
    const reads = [5, 3, 9].map((value, index) => ({
      name: `r${index}`,
      begunAt: 10 * index,
      endedAt: 10 * index + 5,
      operation: { read: value },
    }));
    expect(linearize([...writes, ...reads], register)).toEqual({ ok: true });
    const late = { name: "late", begunAt: 30, endedAt: 40, operation: { read: 5 } };
    // Once 3 and 9 were read after 5, nobody can write 5 again.
    expect(linearize([...writes, ...reads, late], register)).toEqual({ ok: false, stuckAt: "late" });
  });

  it("stays quick in a long history", () => {
    const history = Array.from({ length: 3_000 }, (_, index) => ({
      name: `o${index}`,
      begunAt: 10 * index,
      endedAt: 10 * index + 35,
      operation: index % 2 === 0 ? { write: index } : { read: index - 1 },
    }));
    expect(linearize(history, register)).toEqual({ ok: true });
  });
});

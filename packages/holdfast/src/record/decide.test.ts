import { describe, expect, it } from "vitest";

import type { Change } from "./change.ts";
import { type Decision, decide, type Effect, type RecordState, slideIsDue } from "./decide.ts";

const key = { kind: "note", id: "a" };
const created: Change = { ...key, expect: "absent", create: { text: '"é"', lifetime: { idleMs: 1_000 } } };

function effectOf(decision: Decision): Effect {
  if ("refusal" in decision) throw new Error(`refused: ${JSON.stringify(decision.refusal)}`);
  return decision.effect;
}

function refusalOf(decision: Decision): unknown {
  return "refusal" in decision ? decision.refusal : undefined;
}

/** What stands after some changes at one moment. */
function after(...changes: readonly Change[]): RecordState {
  let standing: RecordState | undefined;
  for (const change of changes) standing = effectOf(decide(standing, change, 0, 100, 0)).next;
  if (standing === undefined) throw new Error("no change was given");
  return standing;
}

describe("creating", () => {
  it("starts above the floor and above what stood", () => {
    expect(effectOf(decide(undefined, created, 0, 100, 0)).next.version).toBe(1);
    expect(effectOf(decide(undefined, created, 0, 100, 41)).next.version).toBe(42);
    const ended = after(created, { ...key, expect: "present", end: true });
    expect(effectOf(decide({ ...ended, version: 7 }, created, 0, 100, 3)).next.version).toBe(8);
  });

  it("asks for the content of an earlier incarnation to go, and takes none of it over", () => {
    const before = after(created, {
      ...key,
      expect: "present",
      counters: [{ name: "n", by: 1 }],
      appends: [{ stream: "s", data: ["x"] }],
    });
    const { next, reset } = effectOf(decide(before, created, 0, 1_100, 0));
    expect(reset).toBe(true);
    expect([next.counters.size, next.streams.size, next.documentPosition]).toEqual([0, 0, 0]);
    expect(effectOf(decide(undefined, created, 0, 100, 0)).reset).toBe(false);
  });

  it("counts the document's bytes as UTF-8 and its times from now", () => {
    const { next, document } = effectOf(decide(undefined, created, 0, 100, 0));
    expect([document, next.documentBytes]).toEqual(['"é"', 4]);
    expect([next.createdAt, next.updatedAt, next.touchedAt, next.expiresAt, next.deadlineAt]).toEqual([
      100,
      100,
      100,
      1_100,
      undefined,
    ]);
  });

  it("lets a lifetime in the same change have the last word, as the order of a change says", () => {
    const { next } = effectOf(decide(undefined, { ...created, lifetime: { absoluteMs: 5 } }, 0, 100, 0));
    expect([next.lifetime, next.expiresAt, next.deadlineAt]).toEqual([{ absoluteMs: 5 }, 105, 105]);
  });

  it("can count, append and end in the same breath", () => {
    const change = { ...created, counters: [{ name: "n", by: 2 }], appends: [{ stream: "s", data: ["x"] }], end: true };
    const { next, result, drop } = effectOf(decide(undefined, change, 0, 100, 0));
    expect([result.created, result.counters, result.heads]).toEqual([true, new Map([["n", 2]]), new Map([["s", 1]])]);
    expect([next.endedAt, drop]).toEqual([100, true]);
  });
});

describe("expecting", () => {
  const standing = after(created);

  it.each([
    [standing, 1, true],
    [standing, 2, false],
    [standing, "present", true],
    [standing, "absent", false],
    [standing, "any", true],
    [undefined, 1, false],
    [undefined, "present", false],
    [undefined, "absent", true],
    [undefined, "any", true],
  ] as const)("case %#: what stands against %s is met: %s", (stands, expected, met) => {
    const decision = decide(stands, { ...created, expect: expected }, 3, 200, 0);
    if (met) expect(refusalOf(decision)).toBeUndefined();
    else expect(refusalOf(decision)).toEqual({ reason: "version", index: 3, expected, actual: stands?.version });
  });

  it("takes an expired record for none, from the very millisecond", () => {
    const change: Change = { ...key, expect: "present", slide: true };
    expect(refusalOf(decide(standing, change, 0, 1_099, 0))).toBeUndefined();
    expect(refusalOf(decide(standing, change, 0, 1_100, 0))).toEqual({
      reason: "version",
      index: 0,
      expected: "present",
      actual: undefined,
    });
  });

  it("refuses what would have to create without saying how", () => {
    const decision = decide(undefined, { ...key, expect: "any" }, 0, 200, 0);
    expect(refusalOf(decision)).toEqual({ reason: "version", index: 0, expected: "any" });
  });
});

describe("ending", () => {
  const content: Change = {
    ...key,
    expect: "present",
    counters: [{ name: "n", by: 1 }],
    appends: [{ stream: "s", data: ["x"] }],
  };

  it("without retention leaves a tombstone: version, times and fields, and no content", () => {
    const fields = { label: "kept" };
    const standing = after({ ...created, create: { text: "123", lifetime: {}, fields, position: 1 } }, content);
    const { next, drop, result } = effectOf(decide(standing, { ...content, end: true }, 0, 200, 0));
    expect(drop).toBe(true);
    expect([next.version, next.fields, next.endedAt]).toEqual([1, fields, 200]);
    expect([next.counters.size, next.streams.size, next.documentBytes, next.documentPosition]).toEqual([0, 0, 0, 0]);
    expect([result.counters, result.heads]).toEqual([new Map([["n", 2]]), new Map([["s", 2]])]);
  });

  it("with retention keeps all of it", () => {
    const standing = after({ ...created, create: { text: "123", lifetime: { retainMs: 1 } } }, content);
    const { next, drop } = effectOf(decide(standing, { ...key, expect: "present", end: true }, 0, 200, 0));
    expect([drop, next.counters.get("n"), next.streams.get("s"), next.documentBytes]).toEqual([
      false,
      1,
      { head: 1, first: 1 },
      3,
    ]);
  });
});

describe("changing", () => {
  it("raises the version for a document and for nothing else", () => {
    const standing = after(created);
    const versionAfter = (change: Partial<Change>): number =>
      effectOf(decide(standing, { ...key, expect: "present", ...change }, 0, 200, 0)).next.version;
    expect(versionAfter({ document: { text: "" } })).toBe(2);
    expect(
      versionAfter({
        counters: [{ name: "n", by: 1 }],
        appends: [{ stream: "s", data: ["x"] }],
        slide: true,
        lifetime: {},
      }),
    ).toBe(1);
  });

  it("leaves what it was given untouched", () => {
    const standing = after(created, {
      ...key,
      expect: "present",
      counters: [{ name: "n", by: 1 }],
      appends: [{ stream: "s", data: ["x"] }],
    });
    const copy = structuredClone(standing);
    decide(
      standing,
      {
        ...key,
        expect: "present",
        counters: [{ name: "n", by: 1 }],
        appends: [{ stream: "s", data: ["y"], keep: 0 }],
        end: true,
      },
      0,
      200,
      0,
    );
    expect(standing).toEqual(copy);
  });

  it("never takes a record's times back when the clock steps back", () => {
    const { next } = effectOf(decide(after(created), { ...key, expect: "present", document: { text: "" } }, 0, 50, 0));
    expect([next.updatedAt, next.touchedAt]).toEqual([100, 100]);
  });
});

describe("counting", () => {
  const standing = after(created, { ...key, expect: "present", counters: [{ name: "n", by: 5 }] });
  const counted = (...counters: NonNullable<Change["counters"]>): Decision =>
    decide(standing, { ...key, expect: "present", counters }, 2, 200, 0);

  it("accepts what meets a bound and refuses what passes it", () => {
    expect(effectOf(counted({ name: "n", by: 5, max: 10 })).next.counters.get("n")).toBe(10);
    expect(refusalOf(counted({ name: "n", by: 6, max: 10 }))).toEqual({
      reason: "bounds",
      index: 2,
      counter: "n",
      value: 5,
      by: 6,
    });
    expect(refusalOf(counted({ name: "n", by: -6, min: 0 }))).toEqual({
      reason: "bounds",
      index: 2,
      counter: "n",
      value: 5,
      by: -6,
    });
  });

  it("refuses what a number can no longer hold exactly", () => {
    expect(refusalOf(counted({ name: "n", by: Number.MAX_SAFE_INTEGER }))).toMatchObject({ reason: "bounds" });
    expect(refusalOf(counted({ name: "m", by: -Number.MAX_SAFE_INTEGER }))).toBeUndefined();
  });

  it("keeps names that objects inherit apart from the object", () => {
    const { result } = effectOf(counted({ name: "__proto__", by: 1 }, { name: "constructor", by: 2 }));
    expect(result.counters).toEqual(
      new Map([
        ["__proto__", 1],
        ["constructor", 2],
      ]),
    );
  });
});

describe("streams", () => {
  const standing = after(created, { ...key, expect: "present", appends: [{ stream: "s", data: ["a", "b", "c"] }] });
  const moved = (change: Partial<Change>): Effect =>
    effectOf(decide(standing, { ...key, expect: "present", ...change }, 0, 200, 0));

  it("append from the head on, however often one change names a stream", () => {
    const { appended, next } = moved({
      appends: [
        { stream: "s", data: ["d"] },
        { stream: "s", data: ["e"], expectedHead: 4 },
      ],
    });
    expect(appended).toEqual([
      { stream: "s", from: 4, data: ["d"] },
      { stream: "s", from: 5, data: ["e"] },
    ]);
    expect(next.streams.get("s")).toEqual({ head: 5, first: 1 });
  });

  it("keep the newest, and say which go", () => {
    const { trimmed, next } = moved({ appends: [{ stream: "s", data: ["d"], keep: 2 }] });
    expect([trimmed, next.streams.get("s")]).toEqual([[{ stream: "s", through: 2 }], { head: 4, first: 3 }]);
    expect(moved({ appends: [{ stream: "s", data: ["d"], keep: 9 }] }).trimmed).toEqual([]);
  });

  it("are trimmed at most through their head, and never backwards", () => {
    expect(moved({ trims: [{ stream: "s", through: 99 }] }).next.streams.get("s")).toEqual({ head: 3, first: 4 });
    const twice = moved({
      trims: [
        { stream: "s", through: 2 },
        { stream: "s", through: 1 },
      ],
    });
    expect([twice.trimmed, twice.next.streams.get("s")]).toEqual([
      [{ stream: "s", through: 2 }],
      { head: 3, first: 3 },
    ]);
    expect(moved({ trims: [{ stream: "unknown", through: 5 }] }).next.streams.has("unknown")).toBe(false);
  });
});

describe("sliding", () => {
  const idle = { lifetime: { idleMs: 1_000 }, expiresAt: 1_100 };

  it("is due once more than a twentieth is gained", () => {
    expect(slideIsDue(idle, 150)).toBe(false);
    expect(slideIsDue(idle, 151)).toBe(true);
  });

  it("gains nothing against a deadline that is near, or without an idle lifetime", () => {
    expect(slideIsDue({ ...idle, deadlineAt: 1_140 }, 900)).toBe(false);
    expect(slideIsDue({ ...idle, deadlineAt: 1_160 }, 900)).toBe(true);
    expect(slideIsDue({ lifetime: { absoluteMs: 5 }, expiresAt: 105, deadlineAt: 105 }, 104)).toBe(false);
  });

  it("moves the expiry only when due", () => {
    const standing = after(created);
    const slid = (now: number): number | undefined =>
      effectOf(decide(standing, { ...key, expect: "present", slide: true }, 0, now, 0)).next.expiresAt;
    expect([slid(150), slid(151)]).toEqual([1_100, 1_151]);
  });
});

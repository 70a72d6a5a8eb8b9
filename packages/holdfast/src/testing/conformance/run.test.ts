import { describe, expect, it } from "vitest";

import { memoryStore } from "../../stores/memory/index.ts";
import { replaced } from "../broken/broken-store.test-kit.ts";
import { describeConformance } from "./describe.ts";
import type { StoreUnderTest } from "./requirement.ts";
import { formatReport, runConformance } from "./run.ts";

async function sound(): Promise<StoreUnderTest> {
  return { store: await memoryStore() };
}

/** Fails V1 and V2 alone of those used here. */
async function alwaysVersionSeven(): Promise<StoreUnderTest> {
  const store = await memoryStore();
  return {
    store: replaced(store, {
      commit: async (owner, changes, options) => {
        const answer = await store.commit(owner, changes, options);
        return answer.ok ? { ...answer, results: answer.results.map((result) => ({ ...result, version: 7 })) } : answer;
      },
    }),
  };
}

describe("a conformance run", () => {
  it("names the requirement, its rule, what was expected and what was seen", async () => {
    const report = await runConformance(alwaysVersionSeven, { only: ["V1"], seed: 42 });
    expect(report.ok).toBe(false);
    const text = formatReport(report);
    expect(text).toContain("V1 (rule 1, seed 42): a created record has a version from 1");
    expect(text).toMatch(/the incarnation\n {2}expected: 7\n {2}seen: {5}1/);
    expect(text).toContain("0 of 1 requirements passed");
  });

  it("accepts a failure that an exception announces, and says so", async () => {
    const exceptions = [{ id: "V1", reason: "this store likes seven" }];
    const report = await runConformance(alwaysVersionSeven, { only: ["V1"], exceptions });
    expect(report).toMatchObject({
      ok: true,
      outcomes: [{ id: "V1", outcome: "excepted", reason: "this store likes seven" }],
    });
    expect(formatReport(report)).toContain("V1 excepted: this store likes seven");
  });

  it("fails an exception whose requirement passes", async () => {
    const report = await runConformance(sound, {
      only: ["V1"],
      exceptions: [{ id: "V1", reason: "long since mended" }],
    });
    expect(report.ok).toBe(false);
    expect(formatReport(report)).toContain('V1 passes, yet an exception says it cannot ("long since mended")');
  });

  it("refuses exceptions without a reason, of unknown requirements, or of ones that would not run", async () => {
    await expect(runConformance(sound, { exceptions: [{ id: "V1", reason: " " }] })).rejects.toThrow(
      "V1 gives no reason",
    );
    await expect(runConformance(sound, { exceptions: [{ id: "V0", reason: "x" }] })).rejects.toThrow(
      '"V0", which does not exist',
    );
    await expect(runConformance(sound, { exceptions: [{ id: "D1", reason: "x" }] })).rejects.toThrow('needs "reopen"');
    await expect(runConformance(sound, { only: ["V0"] })).rejects.toThrow('"V0" does not exist');
  });

  it("skips what needs more than was declared, and says what is missing", async () => {
    const report = await runConformance(sound, { only: ["D1"] });
    expect(report).toMatchObject({
      ok: true,
      outcomes: [{ id: "D1", outcome: "skipped", reason: 'the store under test declares no "reopen"' }],
    });
  });

  it("fails where more or less is offered than was declared", async () => {
    const less = await runConformance(sound, { only: ["V1"], capabilities: ["peer"] });
    expect(formatReport(less)).toContain('"peer" is declared but not offered');
    const more = await runConformance(async () => ({ ...(await sound()), advanceClock: () => undefined }), {
      only: ["V1"],
    });
    expect(formatReport(more)).toContain('"advanceClock" is offered but not declared');
  });

  it("gives up on a store that never answers, and on one that does not close", async () => {
    const never = async (): Promise<StoreUnderTest> => {
      const store = await memoryStore();
      return { store: replaced(store, { commit: () => new Promise(() => undefined) }), dispose: () => store.close() };
    };
    expect(formatReport(await runConformance(never, { only: ["V1"], timeoutMs: 50 }))).toContain(
      "nothing came of it within 50 ms",
    );
    const open = async (): Promise<StoreUnderTest> => {
      const store = await memoryStore();
      return { store: replaced(store, { close: () => new Promise(() => undefined) }) };
    };
    expect(formatReport(await runConformance(open, { only: ["V1"], timeoutMs: 50 }))).toContain(
      "nothing came of it within 50 ms",
    );
  });

  it("fails, and does not reject, where the store cannot be opened or closed", async () => {
    const closed = await runConformance(() => Promise.reject(new Error("no such disk")), { only: ["V1"] });
    expect(formatReport(closed)).toContain("it threw Error: no such disk");
    const stuck = await runConformance(
      async () => ({ ...(await sound()), dispose: () => Promise.reject(new Error("still in use")) }),
      { only: ["V1"] },
    );
    expect(formatReport(stuck)).toContain("it threw Error: still in use");
  });

  it("closes every store it opened, whatever came of the requirement", async () => {
    let disposed = 0;
    const opened: StoreUnderTest[] = [];
    const open = async (): Promise<StoreUnderTest> => {
      const subject = { ...(await alwaysVersionSeven()), dispose: async () => void (disposed += 1) };
      opened.push(subject);
      return subject;
    };
    await runConformance(open, { only: ["V1", "C1"] });
    expect([opened.length, disposed]).toEqual([2, 2]);
    for (const { store } of opened) await expect(store.health()).rejects.toMatchObject({ code: "CLOSED" });
  });
});

describe("describing the suite to a test runner", () => {
  type Told = {
    readonly groups: string[];
    readonly tests: Map<string, () => Promise<void>>;
    readonly skipped: string[];
  };

  function told(options: Parameters<typeof describeConformance>[3], open = sound): Told {
    const groups: string[] = [];
    const tests = new Map<string, () => Promise<void>>();
    const skipped: string[] = [];
    const describe = (name: string, body: () => void): void => {
      groups.push(name);
      body();
    };
    const it = Object.assign((name: string, body: () => Promise<void>) => void tests.set(name, body), {
      skip: (name: string) => void skipped.push(name),
    });
    describeConformance({ describe, it }, "some store", open, options);
    return { groups, tests, skipped };
  }

  it("makes one test per requirement, in groups, and hands the others to `skip`", () => {
    const { groups, tests, skipped } = told({ only: ["V1", "V2", "C1", "D1"] });
    expect(groups).toEqual(["some store", "versions and floors", "counters", "durability"]);
    expect([...tests.keys()].map((name) => name.split(" ")[0])).toEqual(["V1", "V2", "C1"]);
    expect(skipped).toEqual([expect.stringMatching(/^D1 .+\[not run: .+"reopen"\]$/)]);
  });

  it("lets tests of a sound store pass and those of a broken one fail", async () => {
    for (const body of told({ only: ["V1", "C1"] }).tests.values()) await body();
    const { tests } = told({ only: ["V1"], exceptions: [] }, alwaysVersionSeven);
    for (const body of tests.values()) await expect(body()).rejects.toThrow(/^V1 \(rule 1/);
  });

  it("shows an exception and its reason in the name", () => {
    const { tests } = told({ only: ["V1"], exceptions: [{ id: "V1", reason: "known" }] });
    expect([...tests.keys()]).toEqual([expect.stringContaining("[must fail: known]")]);
  });
});

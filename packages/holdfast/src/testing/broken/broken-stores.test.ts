import { describe, expect, it } from "vitest";

import { requirements } from "../conformance/requirements.ts";
import { runConformance } from "../conformance/run.ts";
import { brokenStores } from "./broken-stores.test-kit.ts";
import { openViews, viewCapabilities } from "./views.test-kit.ts";

describe("the suite catches", () => {
  it.for(brokenStores.map((broken) => [broken.fault, broken] as const))("%s", async ([, broken]) => {
    const { open, capabilities, caughtBy } = broken;
    const timeoutMs = caughtBy.every((id) => id.startsWith("H")) ? 500 : 5_000;
    const report = await runConformance(open, { capabilities, only: caughtBy, seed: 1, timeoutMs });
    const outcomes = Object.fromEntries(report.outcomes.map(({ id, outcome }) => [id, outcome]));
    expect(outcomes).toEqual(Object.fromEntries(caughtBy.map((id) => [id, "failed"])));
    expect(report.ok).toBe(false);
    for (const entry of report.outcomes) {
      if (entry.outcome !== "failed") continue;
      expect(entry.error.message).toMatch(new RegExp(`^${entry.id} \\(rule .+, seed 1\\): .+\\n`));
      expect(entry.error.message).not.toContain("is declared but not offered");
      // What is never woken can only be seen by waiting; everything else has to be seen at work.
      if (!entry.id.startsWith("H")) expect(entry.error.message).not.toContain("nothing came of it");
    }
  });

  it("a fault with each of its requirements: none of them passes on everything", () => {
    const catching = new Set(brokenStores.flatMap(({ caughtBy }) => caughtBy));
    expect(requirements.map(({ id }) => id).filter((id) => !catching.has(id))).toEqual([]);
  });

  it("faults of at least twenty sorts, each named once", () => {
    const faults = brokenStores.map(({ fault }) => fault);
    expect(new Set(faults).size).toBe(faults.length);
    expect(faults.length).toBeGreaterThanOrEqual(20);
  });
});

it("finds nothing wrong with several openings of a sound store", async () => {
  const report = await runConformance(() => openViews(({ view }) => view), { capabilities: viewCapabilities });
  expect(report.outcomes.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
});

/**
 * The order in which test files begin: those that take longest first, so that none of them is left to run alone while the
 * second processor idles. Vitest knows how long they took the last time; a clean clone does not, and goes by their size.
 */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files of a minute and more on two quiet processors, longest first. One that is missing here only costs time. */
const longest = [
  "test/kills/kills.test.ts",
  "test/cluster/scenarios.test.ts",
  "test/cluster/kills.test.ts",
  "test/cluster/official.test.ts",
  "test/cluster/rolling.test.ts",
  "test/cluster/resumes.test.ts",
  "test/histories/histories.test.ts",
  "test/faults/faults.test.ts",
  "test/once/once.test.ts",
  "test/locks/locks.test.ts",
  "test/once/request-state.test.ts",
  "test/server/three-nodes.test.ts",
  "test/answers/answers.test.ts",
  "test/crash/crash.test.ts",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const first = longest.flatMap((path) => sorted.filter(({ moduleId }) => moduleId.endsWith(`/${path}`)));
    return [...first, ...sorted.filter((file) => !first.includes(file))];
  }
}

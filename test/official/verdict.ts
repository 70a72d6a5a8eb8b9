import { type FixtureProcessOptions, startFixtureProcess } from "./fixture-process.ts";
import { gates } from "./gates.ts";
import { judge } from "./judge.ts";
import { type Revision, runSuite } from "./suite.ts";
import { table } from "./table.ts";

export type Verdict = {
  /** Every scenario with its counts. */
  readonly table: string;
  /** Empty if the run is good. */
  readonly faults: readonly string[];
  /** What the suite and the fixture wrote, for when there are faults. */
  readonly log: string;
};

/** What is put to the test, one process or many. */
export type UnderTest = {
  readonly url: string;
  /** Everything it wrote. */
  stderr(): string;
};

/** Runs the official suite of one revision against a fixture of its own. */
export async function verdictOn(
  revision: Revision,
  signal: AbortSignal,
  options: FixtureProcessOptions = {},
): Promise<Verdict> {
  await using fixture = await startFixtureProcess(options);
  return await verdictAbout(fixture, revision, signal);
}

/** Runs the official suite of one revision. */
export async function verdictAbout(tested: UnderTest, revision: Revision, signal: AbortSignal): Promise<Verdict> {
  const { results, output, exitCode } = await runSuite({ revision, url: tested.url, signal });
  const gate = gates[revision];
  const faults = [...judge(results, gate)];
  // Only what a revision requires decides the suite's exit code, so it has to agree.
  if (exitCode !== 0 && faults.length === 0) faults.push(`the suite ended with ${exitCode}, though no check failed`);
  return {
    table: table(revision, results, new Set(Object.keys(gate.exceptions))),
    faults,
    log: `${output}\n--- errors of the fixture ---\n${tested.stderr()}`,
  };
}

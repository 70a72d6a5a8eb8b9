/**
 * Whether a run of the official suite is good enough. The suite's own exit code is not: it is 0 when a scenario made no
 * check at all. So every scenario has to be there, without a failure, with at least as many passed checks as are known
 * to pass; and what we do not implement is named with its reason, and has to go on failing.
 */
import { count, type ScenarioResult } from "./results.ts";

export type Gate = {
  /** Scenarios that have to pass, each with the number of checks known to pass. */
  readonly passed: Readonly<Record<string, number>>;
  /** Scenarios not implemented yet, each with the reason. One that fails nothing any more has to leave this list. */
  readonly exceptions: Readonly<Record<string, string>>;
};

/** Everything that is wrong with a run, a sentence each. Empty means good. */
export function judge(results: readonly ScenarioResult[], gate: Gate): readonly string[] {
  const byName = new Map(results.map((result) => [result.scenario, result]));
  const known = new Set([...Object.keys(gate.passed), ...Object.keys(gate.exceptions)]);
  return [
    ...Object.entries(gate.passed).flatMap(([scenario, least]) =>
      requiredFaults(scenario, least, byName.get(scenario)),
    ),
    ...Object.keys(gate.exceptions).flatMap((scenario) => exceptionFaults(scenario, byName.get(scenario))),
    ...results.filter(({ scenario }) => !known.has(scenario)).map(unknownFault),
  ];
}

function requiredFaults(scenario: string, least: number, result: ScenarioResult | undefined): readonly string[] {
  if (result === undefined) return [`${scenario}: did not run`];
  const faults = result.checks
    .filter((check) => check.status === "FAILURE")
    .map((check) => `${scenario}: ${check.id} failed: ${check.errorMessage ?? check.description ?? "no reason given"}`);
  const passed = count(result, "SUCCESS");
  if (passed < least) faults.push(`${scenario}: ${passed} checks passed, ${least} are known to pass`);
  return faults;
}

function exceptionFaults(scenario: string, result: ScenarioResult | undefined): readonly string[] {
  if (result === undefined) return [`${scenario}: is an exception, but did not run`];
  // A scenario that skips everything says nothing either way.
  if (count(result, "FAILURE") > 0 || count(result, "SKIPPED") > 0) return [];
  return [`${scenario}: is an exception, but nothing in it fails any more; give it a gate`];
}

function unknownFault({ scenario }: ScenarioResult): string {
  return `${scenario}: ran, but has neither a gate nor a reason for not having one`;
}

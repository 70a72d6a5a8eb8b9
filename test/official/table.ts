import { count, type ScenarioResult } from "./results.ts";

/** One line for each scenario, and the sum of those that count. */
export function table(revision: string, results: readonly ScenarioResult[], excepted: ReadonlySet<string>): string {
  const width = Math.max(...results.map(({ scenario }) => scenario.length), 8);
  const line = (name: string, passed: number | string, failed: number | string, note = ""): string =>
    `  ${name.padEnd(width)}  ${String(passed).padStart(6)}  ${String(failed).padStart(6)}  ${note}`.trimEnd();
  const counted = results.filter(({ scenario }) => !excepted.has(scenario));
  const sum = (status: "SUCCESS" | "FAILURE"): number => counted.reduce((total, one) => total + count(one, status), 0);
  return [
    `official conformance suite, ${revision}`,
    line("scenario", "passed", "failed"),
    ...results.map((one) =>
      line(
        one.scenario,
        count(one, "SUCCESS"),
        count(one, "FAILURE"),
        excepted.has(one.scenario) ? "not implemented yet, not counted" : "",
      ),
    ),
    line("all that count", sum("SUCCESS"), sum("FAILURE")),
  ].join("\n");
}

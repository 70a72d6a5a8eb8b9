import type { OpenStore } from "./requirement.ts";
import { type ConformanceOptions, freshSeed, plan, runPlanned } from "./run.ts";

/** The two words every test runner knows. `it.skip` is used where it exists. */
export type TestRunner = {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: ((name: string, body: () => Promise<void>) => unknown) & {
    readonly skip?: (name: string, body: () => Promise<void>) => unknown;
  };
};

/**
 * Turns every requirement into a test of the runner at hand, in groups.
 *
 * @example
 * import { describe, it } from "vitest";
 *
 * describeConformance({ describe, it }, "the memory store", async () => ({ store: await memoryStore() }));
 */
export function describeConformance(
  { describe, it }: TestRunner,
  name: string,
  openStore: OpenStore,
  options: ConformanceOptions = {},
): void {
  const planned = plan(options);
  const seed = options.seed ?? freshSeed();
  const groups = new Set(planned.map(({ requirement }) => requirement.group));
  describe(name, () => {
    for (const group of groups) {
      describe(group, () => {
        for (const entry of planned.filter(({ requirement }) => requirement.group === group)) {
          const { id, text, rule } = entry.requirement;
          const body = async (): Promise<void> => {
            const outcome = await runPlanned(entry, openStore, { ...options, seed });
            if (outcome.outcome === "failed") throw outcome.error;
          };
          const title = `${id} ${text} (rule ${rule})`;
          if (entry.skip === undefined)
            it(entry.exception ? `${title} [must fail: ${entry.exception.reason}]` : title, body);
          else (it.skip ?? it)(`${title} [not run: ${entry.skip}]`, body);
        }
      });
    }
  });
}

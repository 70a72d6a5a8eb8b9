import { describe, type TestOptions } from "vitest";

/**
 * The tests that `declare` makes for one store run one after another, those of all stores at the same time. For tests that
 * mostly wait, for processes and for what lapses: elsewhere stores would only get in each other's way.
 *
 * @param title says which store with `%s`.
 */
export function describeStoresAtOnce(
  names: readonly string[],
  title: string,
  options: TestOptions,
  declare: (name: string) => void,
): void {
  // oxlint-disable-next-line vitest/valid-title -- given by who calls
  describe.each(names)(title, { concurrent: true }, (name) => {
    describe("one after another", { ...options, sequential: true }, () => {
      declare(name);
    });
  });
}

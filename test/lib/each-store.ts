import { describe, type TestOptions } from "vitest";

/**
 * The tests that `declare` makes for one store run one after another, those of all stores at the same time. For tests that
 * mostly wait, for processes and for what lapses: elsewhere stores would only get in each other's way.
 *
 * @param stores names, or rows with a name.
 * @param title says which store: with `%s`, or `$name` for rows.
 */
export function describeStoresAtOnce<Named extends string | { readonly name: string }>(
  stores: readonly Named[],
  title: string,
  options: TestOptions,
  declare: (store: Named) => void,
): void {
  // oxlint-disable-next-line vitest/valid-title -- given by who calls
  describe.each<Named>(stores)(title, { concurrent: true }, (store) => {
    describe("one after another", { ...options, sequential: true }, () => {
      declare(store);
    });
  });
}

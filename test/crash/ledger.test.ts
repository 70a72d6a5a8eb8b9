import { expect, test } from "vitest";

import { Ledger } from "./ledger.ts";

function filled(): Ledger {
  const ledger = new Ledger();
  ledger.incremented("s", "n", { by: 2, value: 5 });
  ledger.incremented("s", "n", { by: 3, value: 3 });
  ledger.recorded("s", 2);
  ledger.recorded("s", 1);
  return ledger;
}

test("agrees with a state that has everything once", () => {
  expect(filled().disagreements("s", { totalEvents: 2, counters: { n: 5 } })).toEqual([]);
});

test("finds a lost increment", () => {
  expect(filled().disagreements("s", { totalEvents: 2, counters: { n: 3 } })).toHaveLength(1);
});

test("finds a step that counted twice, even one that a later answer covers", () => {
  const ledger = filled();
  ledger.incremented("s", "n", { by: 1, value: 8 });
  expect(ledger.disagreements("s", { totalEvents: 2, counters: { n: 8 } })).toEqual([
    's: counter "n" went from 5 by 1 to 8',
  ]);
});

test("finds a lost action and a doubled one", () => {
  expect(filled().disagreements("s", { totalEvents: 1, counters: { n: 5 } })).toHaveLength(1);
  const doubled = filled();
  doubled.recorded("s", 2);
  expect(doubled.disagreements("s", { totalEvents: 2, counters: { n: 5 } })).not.toEqual([]);
});

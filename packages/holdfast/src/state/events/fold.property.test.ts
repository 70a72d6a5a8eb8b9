/** fold(snapshot at n, events n+1..m) = fold(events 1..m), whatever is appended, in whatever way, from however many doors. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { ownerOfPrincipal } from "../../security/principal.ts";
import { alice, flowKind, openFlows, step } from "./workflow.test-kit.ts";

type Action =
  | { readonly kind: "append"; readonly door: number; readonly weights: readonly number[] }
  | { readonly kind: "expect"; readonly door: number; readonly weight: number }
  | { readonly kind: "decide"; readonly door: number; readonly weight: number }
  | { readonly kind: "read"; readonly door: number }
  | { readonly kind: "repair"; readonly door: number };

const door = fc.nat({ max: 1 });
const weight = fc.integer({ min: -9, max: 9 });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      door,
      weights: fc.array(weight, { minLength: 1, maxLength: 7 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("expect" as const), door, weight }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("decide" as const), door, weight }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("read" as const), door }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("repair" as const), door }) },
);
/** Actions of one wave run at once. */
const waves = fc.array(fc.array(action, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 8 });
const settings = fc.record({
  snapshotEvery: fc.integer({ min: 1, max: 6 }),
  maxEventsKept: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
});

describe.each(backings)("folding on %s", (_name, makeBacking) => {
  test("comes to the same from the snapshot, from each kept position, and from the beginning", async () => {
    await fc.assert(
      fc.asyncProperty(settings, waves, async ({ snapshotEvery, maxEventsKept }, steps) => {
        await using backing = await makeBacking();
        const options = { snapshotEvery, ...(maxEventsKept !== undefined && { maxEventsKept }) };
        await using one = await openFlows(backing, options);
        await using two = await openFlows(backing, options);
        const doors = [one.state(alice).flow, two.state(alice).flow] as const;
        const { id } = await one.state(alice).flow.create();
        let expected = 0;
        const run = async (taken: Action): Promise<void> => {
          const flow = doors[taken.door === 0 ? 0 : 1];
          if (taken.kind === "read") await flow.get(id);
          else if (taken.kind === "repair") await flow.repair(id);
          else if (taken.kind === "append") {
            await flow.append(
              id,
              taken.weights.map((n) => step("a", n)),
            );
            expected += taken.weights.reduce((sum, n) => sum + n, 0);
          } else if (taken.kind === "decide") {
            await flow.decide(id, ({ total }) => step(`seen ${total}`, taken.weight));
            expected += taken.weight;
          } else {
            const { position } = await flow.get(id);
            const added = await flow.append(id, step("e", taken.weight), { expectedPosition: position }).then(
              () => taken.weight,
              (error: unknown) => {
                expect(error).toMatchObject({ code: "CONFLICT" });
                return 0;
              },
            );
            expected += added;
          }
        };
        for (const wave of steps) await Promise.all(wave.map(run));

        const view = await doors[0].get(id);
        expect(view.value.total).toBe(expected);
        // Another version of the program looks at no snapshot of this one.
        const store = await backing.open();
        const { record } = await store.read(ownerOfPrincipal(alice), { kind: "flow", id });
        const first = record?.streams.get("events")?.first ?? 1;
        if (first === 1) {
          await using fresh = await holdfast({ store, kinds: [flowKind({ snapshotVersion: 2 })], reap: false });
          expect((await fresh.state(alice).flow.get(id)).value).toEqual(view.value);
        }
        // Each step onwards from what is kept comes to the next.
        let previous = await doors[1].at(id, first - 1);
        const { events } = await doors[1].history(id, { limit: 1_000 });
        expect(events.map(({ position }) => position)).toEqual(
          Array.from({ length: view.position - first + 1 }, (_, n) => first + n),
        );
        for (const event of events) {
          const past = await doors[1].at(id, event.position);
          const grown = event.type === "step_done" ? event.payload.weight : 0;
          expect(past.value.total).toBe(previous.value.total + grown);
          previous = past;
        }
        expect(previous.value).toEqual(view.value);
        // A decision saw the value exactly as it stood before its own event.
        for (const event of events) {
          if (event.type !== "step_done" || !event.payload.step.startsWith("seen")) continue;
          const before = await doors[0].at(id, event.position - 1);
          expect(event.payload.step).toBe(`seen ${before.value.total}`);
        }
      }),
      { numRuns: 25 },
    );
  }, 60_000);
});

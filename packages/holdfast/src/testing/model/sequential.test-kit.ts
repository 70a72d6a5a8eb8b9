import fc from "fast-check";

import { mintSecret, ownerOf } from "../../record/ids.ts";
import { answerOfModel, answerOfStore } from "./answers.test-kit.ts";
import { elapsing, operations } from "./arbitrary.test-kit.ts";
import { newOwner } from "./model.test-kit.ts";
import { sameAnswer } from "./operation.test-kit.ts";
import { disagreement, type ModelSubject, type OpenForModel, startAt } from "./subject.test-kit.ts";

const owners = 2;

/** One operation after another, with time passing and the store reopened in between: every answer is the model's. */
export function sequentially(open: OpenForModel, runs: number, seed: number): Promise<void> {
  const step = fc.record({
    elapsed: elapsing,
    reopened: fc.nat({ max: 19 }).map((n) => n === 0),
    operation: operations({ owners, hot: false }).any,
  });
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40, size: "max" }), async (steps) => {
    let now = startAt;
    const subject: ModelSubject = await open({ clock: () => now, turn: () => Promise.resolve() });
    let { store } = subject;
    try {
      const models = Array.from({ length: owners }, newOwner);
      const names = models.map(() => ownerOf({ issuer: "model", subject: mintSecret(132) }));
      for (const [index, { elapsed, reopened, operation }] of steps.entries()) {
        now += elapsed;
        if (reopened && subject.reopen !== undefined) {
          await store.close();
          store = await subject.reopen();
        }
        const [model, name] = [models[operation.whose], names[operation.whose]];
        if (model === undefined || name === undefined) throw new Error("no such owner");
        // Reaping is the store's, not an owner's: what it removes of one, it removes of all.
        if (operation.what === "reap")
          for (const other of models) if (other !== model) answerOfModel(other, operation, now);
        const expected = answerOfModel(model, operation, now);
        const seen = await answerOfStore(store, name, operation);
        if (!sameAnswer(seen, expected)) throw disagreement(`step ${index}`, operation, seen, expected);
      }
    } finally {
      await store.close();
      await subject.dispose?.();
    }
  });
  return fc.assert(property, { numRuns: runs, seed, includeErrorInReport: true });
}

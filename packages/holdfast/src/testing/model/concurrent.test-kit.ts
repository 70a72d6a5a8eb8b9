/**
 * Several clients at once, with fast-check's scheduler deciding whose operation begins and whose answer arrives next.
 * Whatever came of it has to be explained by some order in which the operations took effect one after another, each
 * between its beginning and its answer (linearizability). That one version has one winner and positions have no gaps
 * follows: the model knows no order in which it would be otherwise.
 */
import fc from "fast-check";

import { mintSecret, ownerOf } from "../../record/ids.ts";
import { answerOfModel, answerOfStore } from "./answers.test-kit.ts";
import { operations } from "./arbitrary.test-kit.ts";
import { type Happened, linearize } from "./linearize.test-kit.ts";
import { newOwner } from "./model.test-kit.ts";
import { type Operation, sameAnswer } from "./operation.test-kit.ts";
import { disagreement, type OpenForModel, show, startAt } from "./subject.test-kit.ts";

/** What there is to race for. */
const something: Operation = {
  what: "commit",
  whose: 0,
  changes: [{ kind: "note", id: "a", expect: "absent", create: { text: "{}", lifetime: {} } }],
  options: {},
};

/** What is looked at when all is over. */
const settled: readonly Operation[] = ["note", "other", "holdfast.inner"].flatMap((kind) =>
  ["a", "b"].map(
    (id): Operation => ({
      what: "read",
      whose: 0,
      key: { kind, id },
      tails: [
        { stream: "log", after: 0, limit: 1_000 },
        { stream: "__proto__", after: 0, limit: 1_000 },
      ],
    }),
  ),
);

/** Every concurrent history has an order that explains it. */
export function concurrently(open: OpenForModel, runs: number, seed: number): Promise<void> {
  const { quick } = operations({ owners: 1, hot: true });
  const clients = fc.array(fc.array(quick, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 4 });
  const property = fc.asyncProperty(
    fc.array(quick, { maxLength: 2 }),
    clients,
    fc.scheduler(),
    async (prelude, work, scheduler) => {
      let racing = false;
      const turn = async (): Promise<void> => {
        if (racing) await scheduler.schedule(Promise.resolve(), "turn");
      };
      const subject = await open({ clock: () => startAt, turn });
      const { store } = subject;
      try {
        const owner = ownerOf({ issuer: "model", subject: mintSecret(132) });
        const model = newOwner();
        for (const operation of [something, ...prelude]) {
          const expected = answerOfModel(model, operation, startAt);
          const seen = await answerOfStore(store, owner, operation);
          if (!sameAnswer(seen, expected)) throw disagreement("before the race", operation, seen, expected);
        }

        const history: Happened[] = [];
        let moment = 0;
        const happen = async (operation: Operation, delivery: () => Promise<void>): Promise<void> => {
          moment += 1;
          const begunAt = moment;
          const answer = await answerOfStore(store, owner, operation);
          // Only what is there can be delivered: the scheduler waits for what it has let go, and would wait for ever for
          // the turns this operation still needs.
          await delivery();
          moment += 1;
          history.push({ operation, answer, begunAt, answeredAt: moment });
        };
        racing = true;
        const running = work.map(async (program, client) => {
          for (const operation of program) {
            await scheduler.schedule(Promise.resolve(), `client ${client} begins`);
            await happen(operation, async () => {
              await scheduler.schedule(Promise.resolve(), `client ${client} is answered`);
            });
          }
        });
        await scheduler.waitFor(Promise.all(running));
        racing = false;
        for (const operation of settled) await happen(operation, () => Promise.resolve());

        if (!linearize(model, history, startAt)) {
          throw new Error(`no order explains this history\n${history.map((entry) => `  ${show(entry)}`).join("\n")}`);
        }
      } finally {
        racing = false;
        await store.close();
        await subject.dispose?.();
      }
    },
  );
  return fc.assert(property, { numRuns: runs, seed, includeErrorInReport: true });
}

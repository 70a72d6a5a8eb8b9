/** Appends to one record without end: blindly, on a condition, by decision, several at once. Says what was acknowledged. */
import { holdfast, isHoldfastError, localUser } from "holdfast";

import { openAlone } from "../lib/durable-stores.ts";
import { seeded } from "../lib/random.ts";
import { tallyKind } from "./tally.ts";

const [, , url = "", writer = "", seed = "0"] = process.argv;
const random = seeded(Number(seed));
const hold = await holdfast({ store: await openAlone(url), kinds: [tallyKind()], reap: false });
const tally = hold.state(localUser).tally.open("hot");
let turn = 0;
const next = (saw?: number) =>
  ({
    type: "added",
    payload: { writer, turn: ++turn, by: random.below(100), ...(saw !== undefined && { saw }) },
  }) as const;

console.log("ready");
for (;;) {
  const from = turn + 1;
  try {
    const way = random.below(4);
    if (way === 0) await tally.append([next(), next(), next()]);
    else if (way === 1) {
      const { position } = await tally.get();
      await tally.append(next(), { expectedPosition: position });
    } else if (way === 2) {
      const event = next();
      await tally.decide(({ n }) => ({ ...event, payload: { ...event.payload, saw: n } }));
    } else await tally.append(next());
    console.log(`acked ${from} ${turn}`);
  } catch (error) {
    // Somebody else was first, or the store's server is being killed: what was not acknowledged may or may not be there.
    if (!isHoldfastError(error)) throw error;
    if (!["CONFLICT", "CONTENTION", "UNAVAILABLE", "OUTCOME_UNKNOWN"].includes(error.code)) throw error;
  }
}

/** The kind that the writers of this folder share: who appended what, in what order, and what it comes to. */
import { type EventSourcedKind, eventSourced } from "holdfast";
import { z } from "zod";

export type Tally = { n: number; sum: number; last: Record<string, number>; trail: number };
type Added = { readonly writer: string; readonly turn: number; readonly by: number; readonly saw?: number | undefined };
type Events = { readonly added: z.ZodType<Added, Added> };

export const snapshotEvery = 7;

const added: z.ZodType<Added, Added> = z.object({
  writer: z.string(),
  turn: z.number(),
  by: z.number(),
  saw: z.number().optional(),
});

/** @param snapshotVersion another one looks at no snapshot that was written. */
export function tallyKind(snapshotVersion = 1): EventSourcedKind<"tally", Tally, Events, "named"> {
  return eventSourced("tally", {
    scope: "named",
    initial: (): Tally => ({ n: 0, sum: 0, last: {}, trail: 0 }),
    events: { added },
    evolve: (tally, { payload, position }) => {
      if (payload.saw !== undefined && payload.saw !== tally.n) throw new Error("a decision saw another value");
      tally.n += 1;
      tally.sum += payload.by;
      tally.last[payload.writer] = payload.turn;
      // Depends on the order of all events, and on each of them.
      tally.trail = (tally.trail * 31 + payload.by * 7 + position) % 1_000_003;
    },
    snapshotEvery,
    snapshotVersion,
  });
}

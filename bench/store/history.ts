/** P8: reading an event-sourced record whose history is long beside one whose history is short, in the same SQLite file. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventSourced, holdfast, type Principal } from "holdfast";
import { z } from "zod";

import { compare, throughput } from "../lib/compare.ts";
import type { Row } from "../lib/row.ts";

const principal: Principal = { issuer: "bench", subject: "user", scopes: [] };
const long = 100_000;
const short = 100;
const perAppend = 1_000;

const Account = eventSourced("account", {
  initial: { balance: 0, bookings: 0 },
  events: { booked: z.object({ amount: z.number(), text: z.string() }) },
  evolve: (account, { payload }) => {
    account.balance += payload.amount;
    account.bookings += 1;
  },
});
const booked = (n: number) => ({ type: "booked", payload: { amount: n % 100, text: `booking ${n}` } }) as const;

export async function historyRow(rounds: number, roundMs: number): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const hold = await holdfast({ store: `sqlite:${join(folder, "state.db")}`, kinds: [Account] });
  try {
    const { account } = hold.state(principal);
    const { id: young } = await account.create();
    const { id: old } = await account.create();
    for (let n = 0; n < short; n += 1) await account.append(young, booked(n));
    for (let n = 0; n < long; n += perAppend) {
      await account.append(
        old,
        Array.from({ length: perAppend }, (_, index) => booked(n + index)),
      );
    }
    // Both end as far from their snapshots as a record ever is.
    for (let n = 0; n < 99; n += 1) await account.append(old, booked(n));
    const read = (id: string) => async (): Promise<number> =>
      1_000_000 / (await throughput(1, roundMs, () => account.get(id)));
    return {
      id: "P8",
      label: "SQLite",
      what: `reading an event-sourced record with ${long.toLocaleString("en")} events, one at a time, SQLite`,
      over: `reading one with ${short} events, none of which a snapshot contains`,
      goal: { atMost: 1.5 },
      unit: "µs",
      ...(await compare(read(old), read(young), rounds)),
    };
  } finally {
    await hold.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** P1 and P2: the public state API over SQLite beside the bare driver, on files in the same folder. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { holdfast, kind, type Principal } from "holdfast";
import { z } from "zod";

import { compare, throughput } from "../lib/compare.ts";
import type { Row } from "../lib/report.ts";
import { RawSqlite } from "./raw-sqlite.ts";

const records = 1000;
const inFlight = 64;
const principal: Principal = { issuer: "bench", subject: "user", scopes: [] };
const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()), at: z.number() }) });

export async function sqliteRows(rounds: number, roundMs: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const hold = await holdfast({ store: `sqlite:${join(folder, "state.db")}`, kinds: [Basket] });
  const raw = new RawSqlite(join(folder, "raw.db"), records);
  try {
    const { basket } = hold.state(principal);
    const ids: string[] = [];
    for (let i = 0; i < records; i += 1) {
      ids.push((await basket.create({ items: ["x".repeat(270)], at: 0 })).id);
    }
    let next = 0;
    const someId = (): string => ids[next++ % records] ?? "";

    const p1 = await compare(
      {
        name: "state.update",
        round: () =>
          throughput(inFlight, roundMs, () =>
            basket.update(someId(), (draft, change) => {
              draft.at += 1;
              change.append("log", { type: "updated" });
            }),
          ),
      },
      { name: "raw", round: async () => raw.updatesGrouped(64, roundMs) },
      rounds,
    );
    const p2 = await compare(
      {
        name: "state.increment",
        round: () =>
          throughput(inFlight, roundMs, () =>
            basket.increment(someId(), "visits", 1, { append: { stream: "log", event: { type: "incremented" } } }),
          ),
      },
      { name: "raw", round: async () => raw.incrementsOneByOne(roundMs) },
      rounds,
    );
    return [
      {
        id: "P1",
        what: "update of a 300-byte document with an event, 64 in flight, SQLite FULL",
        reference: "the bare driver: conditional update and a log row, 64 per transaction",
        goal: 0.5,
        comparison: p1,
      },
      {
        id: "P2",
        what: "increment of a counter with an event, 64 in flight, SQLite FULL",
        reference: "the bare driver doing the same one by one",
        goal: 8,
        comparison: p2,
      },
    ];
  } finally {
    raw.close();
    await hold.close();
    await rm(folder, { recursive: true });
  }
}

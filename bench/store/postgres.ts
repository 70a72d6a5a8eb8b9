/** P1, P2 and P10: the public state API over PostgreSQL beside the bare driver, on one server. */
import { holdfast, kind, type Principal } from "holdfast";
import { z } from "zod";

import { compare, throughput } from "../lib/compare.ts";
import { benchPostgres } from "../lib/postgres-server.ts";
import type { Row } from "../lib/report.ts";
import { WriterProcesses } from "../lib/writers.ts";
import { RawPostgres } from "./raw-postgres.ts";

const records = 1000;
const inFlight = 64;
const principal: Principal = { issuer: "bench", subject: "user", scopes: [] };
const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()), at: z.number() }) });

/** Nothing where PostgreSQL is not installed. */
export async function postgresRows(rounds: number, roundMs: number): Promise<Row[]> {
  const server = await benchPostgres();
  if (server === undefined) return [];
  try {
    return [...(await callRows(server.url, rounds, roundMs)), await hotRow(server.url, rounds, roundMs)];
  } finally {
    await server.stop();
  }
}

async function callRows(url: string, rounds: number, roundMs: number): Promise<Row[]> {
  const hold = await holdfast({ store: url, kinds: [Basket], reap: false });
  const raw = await RawPostgres.open(url, records);
  try {
    const { basket } = hold.state(principal);
    const made = await Promise.all(
      Array.from({ length: records }, () => basket.create({ items: ["x".repeat(270)], at: 0 })),
    );
    let next = 0;
    const someId = (): string => made[next++ % records]?.id ?? "";
    const update = (): Promise<unknown> =>
      basket.update(someId(), (draft, change) => {
        draft.at += 1;
        change.append("log", { type: "updated" });
      });
    const append = { stream: "log", event: { type: "incremented" } };
    const increment = (): Promise<unknown> => basket.increment(someId(), "visits", 1, { append });
    const p1 = await compare(
      { name: "state.update", round: () => throughput(inFlight, roundMs, update) },
      { name: "raw", round: () => raw.updatesBatched(roundMs) },
      rounds,
    );
    const p2 = await compare(
      { name: "state.increment", round: () => throughput(inFlight, roundMs, increment) },
      { name: "raw", round: () => raw.incrementsOneByOne(inFlight, roundMs) },
      rounds,
    );
    return [
      {
        id: "P1",
        what: "update of a 300-byte document with an event, 64 in flight, PostgreSQL",
        reference: "the bare driver: conditional updates and log rows, 64 per statement, 4 statements in flight",
        goal: 0.5,
        comparison: p1,
      },
      {
        id: "P2",
        what: "increment of a counter with an event, 64 in flight, PostgreSQL",
        reference: "the bare driver doing the same, one statement each",
        goal: 2.5,
        comparison: p2,
      },
    ];
  } finally {
    await raw.close();
    await hold.close();
  }
}

async function hotRow(url: string, rounds: number, roundMs: number): Promise<Row> {
  const writers = await WriterProcesses.start(url, 3, inFlight);
  try {
    const comparison = await compare(
      { name: "hot", round: () => writers.round(true, roundMs) },
      { name: "spread", round: () => writers.round(false, roundMs) },
      rounds,
    );
    return {
      id: "P10",
      what: "one counter that 64 writers on 3 processes increment, PostgreSQL",
      reference: "the same writers, each on a record of its own",
      goal: 0.3,
      comparison,
    };
  } finally {
    await writers.stop();
  }
}

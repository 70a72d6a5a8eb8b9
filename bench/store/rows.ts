/** P1, P2 and P10 of one store: the public state API beside the bare driver, on one server. */
import { holdfast, kind, type Principal } from "holdfast";
import { z } from "zod";

import { compare, throughput } from "../lib/compare.ts";
import type { Row } from "../lib/row.ts";
import { WriterProcesses } from "../lib/writers.ts";

export const records = 1000;
export const inFlight = 64;

/** The same work on the bare driver, in operations per second. */
export interface Raw {
  /** Conditional updates of a document of 300 bytes, each with a row of a log, grouped as the store does best. */
  updates(ms: number): Promise<number>;
  /** Increments of a counter, each with a row of a log. */
  increments(ms: number): Promise<number>;
  close(): Promise<void>;
}

export type Target = {
  /** As in sentences. */
  readonly name: string;
  readonly url: string;
  readonly raw: Raw;
  /** How the bare driver does it. */
  readonly updates: string;
  readonly increments: string;
  readonly goals: { readonly P1: number; readonly P2: number; readonly P10: number };
};

const processes = 3;
const principal: Principal = { issuer: "bench", subject: "user", scopes: [] };
const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()), at: z.number() }) });

/** Closes the bare driver. */
export async function storeRows(target: Target, rounds: number, roundMs: number): Promise<Row[]> {
  return [...(await callRows(target, rounds, roundMs)), await hotRow(target, rounds, roundMs)];
}

async function callRows(target: Target, rounds: number, roundMs: number): Promise<Row[]> {
  const { name, raw, goals } = target;
  const hold = await holdfast({ store: target.url, kinds: [Basket], reap: false });
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
      () => throughput(inFlight, roundMs, update),
      () => raw.updates(roundMs),
      rounds,
    );
    const p2 = await compare(
      () => throughput(inFlight, roundMs, increment),
      () => raw.increments(roundMs),
      rounds,
    );
    return [
      {
        id: "P1",
        label: name,
        what: `\`update\` of a 300-byte document with an event, ${inFlight} in flight, ${name}`,
        over: `the bare driver: ${target.updates}`,
        goal: { atLeast: goals.P1 },
        unit: "/s",
        ...p1,
      },
      {
        id: "P2",
        label: name,
        what: `\`increment\` of a counter with an event, ${inFlight} in flight, ${name}`,
        over: `the bare driver: ${target.increments}`,
        goal: { atLeast: goals.P2 },
        unit: "/s",
        ...p2,
      },
    ];
  } finally {
    await raw.close();
    await hold.close();
  }
}

async function hotRow({ name, url, goals }: Target, rounds: number, roundMs: number): Promise<Row> {
  const writers = await WriterProcesses.start(url, processes, inFlight);
  try {
    const comparison = await compare(
      () => writers.round(true, roundMs),
      () => writers.round(false, roundMs),
      rounds,
    );
    return {
      id: "P10",
      label: name,
      what: `one counter that ${inFlight} writers on ${processes} processes increment, ${name}`,
      over: "the same writers, each on a record of its own",
      goal: { atLeast: goals.P10 },
      unit: "/s",
      ...comparison,
    };
  } finally {
    await writers.stop();
  }
}

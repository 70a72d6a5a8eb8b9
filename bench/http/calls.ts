/** P3 and P5: a durable counter call over HTTP beside the SDK's own servers, which keep counters in memory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ServerChild } from "../lib/child.ts";
import { type Comparison, type Contender, compare, throughput } from "../lib/compare.ts";
import type { Row } from "../lib/report.ts";
import { type Caller, modernCaller, sessionCaller } from "./eras.ts";

const connections = 16;

export async function callRows(rounds: number, roundMs: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const ours = await ServerChild.start("holdfast", [join(folder, "state.db")]);
  try {
    return [
      {
        id: "P3",
        what: "durable counter call in a 2025-era session, SQLite FULL, 16 connections",
        reference: "the SDK's sessionful server with JSON answers, everything in memory",
        goal: 0.8,
        comparison: await against("sdk-sessions", ours, sessionCaller, rounds, roundMs),
      },
      {
        id: "P5",
        what: "durable counter call over 2026-07-28, SQLite FULL, 12 tools, 16 connections",
        reference: "the SDK's handler on its stock Node adapter, counters in memory",
        goal: 1,
        comparison: await against("sdk-modern", ours, modernCaller, rounds, roundMs),
      },
    ];
  } finally {
    await ours.stop();
    await rm(folder, { recursive: true });
  }
}

async function against(
  script: string,
  ours: ServerChild,
  open: (port: number) => Promise<Caller>,
  rounds: number,
  roundMs: number,
): Promise<Comparison> {
  const theirs = await ServerChild.start(script);
  const callers: Caller[] = [];
  const contender = async (name: string, port: number): Promise<Contender> => {
    const group = await Promise.all(Array.from({ length: connections }, () => open(port)));
    callers.push(...group);
    return { name, round: () => throughput(connections, roundMs, async (worker) => await group[worker]?.call()) };
  };
  try {
    return await compare(await contender("holdfast", ours.port), await contender(script, theirs.port), rounds);
  } finally {
    for (const caller of callers) caller.close();
    await theirs.stop();
  }
}

/** P3 and P5: a durable counter call over HTTP beside the SDK's own servers, which keep counters in memory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ServerChild } from "../lib/child.ts";
import type { Comparison } from "../lib/compare.ts";
import type { Row } from "../lib/row.ts";
import { modernCaller, type OpenCaller, sessionCaller } from "./eras.ts";
import { connections, sideBySide } from "./side-by-side.ts";

export async function sqliteCallRows(rounds: number, roundMs: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const ours = await ServerChild.start("holdfast", [`sqlite:${join(folder, "state.db")}`]);
  const against = async (script: string, open: OpenCaller): Promise<Comparison> => {
    const theirs = await ServerChild.start(script);
    try {
      return await sideBySide(ours, theirs, open, rounds, roundMs);
    } finally {
      await theirs.stop();
    }
  };
  try {
    return [
      {
        id: "P3",
        label: "SQLite FULL, the SDK in memory",
        what: `durable counter call in a 2025-era session, SQLite FULL, ${connections} connections`,
        over: "the SDK's sessionful server with JSON answers, everything in memory",
        goal: { atLeast: 0.8 },
        unit: "/s",
        ...(await against("sdk-sessions", sessionCaller)),
      },
      {
        id: "P5",
        label: "SQLite FULL, the SDK in memory",
        what: `durable counter call over 2026-07-28, SQLite FULL, 12 tools, ${connections} connections`,
        over: "the SDK's handler on its stock Node adapter, counters in memory",
        goal: { atLeast: 1 },
        stretch: 1.5,
        unit: "/s",
        ...(await against("sdk-modern", modernCaller)),
      },
    ];
  } finally {
    await ours.stop();
    await rm(folder, { recursive: true });
  }
}

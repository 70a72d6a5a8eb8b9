import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Row } from "../lib/row.ts";
import { RawSqlite } from "./raw-sqlite.ts";
import { records, storeRows } from "./rows.ts";

/** On files in one folder. */
export async function sqliteRows(rounds: number, roundMs: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  try {
    const target = {
      name: "SQLite FULL",
      url: `sqlite:${join(folder, "state.db")}`,
      raw: new RawSqlite(join(folder, "raw.db"), records),
      updates: "conditional update and a log row, 64 per transaction",
      increments: "the same one by one",
      goals: { P1: 0.5, P2: 8, P10: 0.5 },
    };
    return await storeRows(target, rounds, roundMs);
  } finally {
    await rm(folder, { recursive: true });
  }
}

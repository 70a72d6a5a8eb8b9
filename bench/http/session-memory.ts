/** P7: what sessions cost the memory of their node: those that are warm, and those beyond the warm cache. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ServerChild } from "../lib/child.ts";
import type { Fact } from "../lib/cost.ts";
import type { Row } from "../lib/row.ts";
import { spreadOf } from "../lib/stats.ts";
import { Connection } from "./client.ts";
import { openSession } from "./eras.ts";

const opening = 16;
/** All of them stay warm. */
const warm = 900;
/**
 * The share of the sessions to come that are opened before the second measurement: of a hundred thousand far more than any
 * warm cache holds, so that it is full, and the heap has taken the room it likes to have.
 */
const filling = 1 / 3;
const mebibyte = 1024 ** 2;

/** Opens so many sessions, each left alone after it was opened, and says what they added to the process. */
export async function sessionMemory(
  idle: number,
): Promise<{ readonly rows: readonly Row[]; readonly facts: readonly Fact[] }> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const server = await ServerChild.start("holdfast", [`sqlite:${join(folder, "state.db")}`]);
  try {
    // What the first sessions bring once and for all is not theirs.
    await openMany(server.port, 100, "first");
    const begun = await server.memory();
    await openMany(server.port, warm, "warm");
    const warmed = await server.memory();
    await openMany(server.port, Math.ceil(idle * filling), "filling");
    const before = await server.memory();
    await openMany(server.port, idle, "idle");
    const after = await server.memory();
    const row = (label: string, bytes: number): Row => ({
      id: "P7",
      label,
      what: `${idle.toLocaleString("en")} idle sessions beyond the warm cache, SQLite: ${label}`,
      over: undefined,
      goal: { atMost: 20 },
      unit: "MiB",
      ours: spreadOf([bytes / mebibyte]),
      value: spreadOf([bytes / mebibyte]),
    });
    return {
      rows: [
        row("heap after a collection", after.heapUsed - before.heapUsed),
        row("resident memory", after.rss - before.rss),
      ],
      facts: [
        { label: "a node with 100 sessions, resident", unit: "MiB", value: begun.rss / mebibyte },
        {
          label: "heap of a warm session with 12 tools",
          unit: "KiB",
          value: (warmed.heapUsed - begun.heapUsed) / warm / 1024,
        },
        { label: "a node whose warm cache is full, resident", unit: "MiB", value: before.rss / mebibyte },
      ],
    };
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
}

async function openMany(port: number, count: number, prefix: string): Promise<void> {
  let next = 0;
  const workers = Array.from({ length: opening }, async () => {
    const connection = new Connection(port, { "mcp-protocol-version": "2025-11-25" });
    while (next < count) {
      // A principal may have a thousand sessions; spread them.
      const subject = `${prefix}-${Math.floor(next++ / 500)}`;
      await openSession(connection, { "x-subject": subject });
    }
    connection.close();
  });
  await Promise.all(workers);
}

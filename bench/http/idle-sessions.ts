/** P7: what an idle session costs the memory of its node once the warm cache is full. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ServerChild } from "../lib/child.ts";
import { Connection } from "./client.ts";
import { openSession } from "./eras.ts";

export type IdleCost = { readonly sessions: number; readonly heapBytes: number; readonly rssBytes: number };

const opening = 16;
/** More than any warm cache holds, so that it is full before the first measurement. */
const warmUp = 4000;

/** Opens so many sessions, each used once and then left alone, and says what they added to the process. */
export async function idleSessionCost(sessions: number): Promise<IdleCost> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const server = await ServerChild.start("holdfast", [join(folder, "state.db")]);
  try {
    await openMany(server.port, warmUp, "warm");
    const before = await server.memory();
    await openMany(server.port, sessions, "idle");
    const after = await server.memory();
    return { sessions, heapBytes: after.heapUsed - before.heapUsed, rssBytes: after.rss - before.rss };
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

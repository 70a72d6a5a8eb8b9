/** One client after another, each living a short and busy life. */

import { setTimeout as pause } from "node:timers/promises";
import { valueOf } from "../clients/caller.ts";
import type { Random } from "../lib/random.ts";

import { connect } from "../server/connect.ts";

const everyMs = 3_000;

export type Tally = { calls: number; visits: number; errors: string[] };

/** Visits until it is told to stop. Half of the visitors leave without a word: their sessions have to expire. */
export async function keepVisiting(url: string, random: Random, tally: Tally, signal: AbortSignal): Promise<void> {
  const workflow_id = await startWorkflow(url);
  while (!signal.aborted) {
    const began = Date.now();
    try {
      await visit(url, random, tally, workflow_id);
    } catch (error) {
      tally.errors.push(String(error));
    }
    tally.visits += 1;
    // As many in each minute: what has not been cleared away yet then says nothing of how busy the machine is.
    await pause(Math.max(0, everyMs - (Date.now() - began)), undefined, { signal }).catch(() => undefined);
  }
}

/** One for a whole run: workflows live for 30 days. */
async function startWorkflow(url: string): Promise<unknown> {
  await using connection = await connect(url, "2026");
  const { workflow_id } = await valueOf(connection.call("start_workflow", { name: "soak" }));
  return workflow_id;
}

async function visit(url: string, random: Random, tally: Tally, workflow_id: unknown): Promise<void> {
  await using connection = await connect(url, random.pick(["2025", "2026"] as const));
  const call = (tool: string, args: object): Promise<Readonly<Record<string, unknown>>> => {
    tally.calls += 1;
    return valueOf(connection.call(tool, { ...args }));
  };
  const { session_id } = await call("create_session", { label: "soak" });
  for (let left = 5 + random.below(20); left > 0; left -= 1) {
    const key = `k${random.below(5)}`;
    await random.pick([
      () => call("set_session_data", { session_id, key, value: "x".repeat(random.below(2_000)) }),
      () => call("increment_counter", { session_id, name: key }),
      () => call("record_action", { session_id, action: "soaked" }),
      () => call("set_preference", { session_id, key, value: left }),
      () => call("get_context", { session_id }),
      () => call("list_sessions", { limit: 5 }),
      async () => {
        await call("record_error", { workflow_id, message: "soaked" });
        return call("resolve_error", { workflow_id });
      },
      () => call("get_workflow_state", { workflow_id }),
    ])();
  }
  if (random.below(2) === 0) await call("end_session", { session_id });
}

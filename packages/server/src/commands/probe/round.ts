/** One round of a probe: every step timed, the first thing that is wrong named. */
import { ProbeFailure, wrong } from "./failure.ts";
import { probeSession, probeTool, readWorkflow, type Step, startWorkflow } from "./steps.ts";
import { type Era, type Json, openPeer, type Peer, type PeerOptions } from "./wire.ts";

export type Round = {
  readonly at: Date;
  readonly era: Era;
  readonly ok: boolean;
  /** The step that failed. */
  readonly failedAt?: string;
  readonly reason?: string;
  readonly kind?: "unreachable" | "wrong" | "slow";
  readonly tookMs: number;
  readonly steps: readonly { readonly name: string; readonly tookMs: number }[];
};

export type Plan = PeerOptions & {
  readonly era: Era;
  /** A tool to call in place of the ready server's own. */
  readonly tool: { readonly name: string; readonly args: Json } | undefined;
  /** A workflow to read, or `new` to start one, which stays. */
  readonly workflow: string | undefined;
  /** Slower than this in all is a failure. */
  readonly maxMs: number | undefined;
};

/** What one round leaves to the next. */
export type Memory = { workflow?: string };

const sessionTools = [
  "create_session",
  "record_action",
  "increment_counter",
  "set_preference",
  "get_context",
  "end_session",
];
const workflowTools = ["start_workflow", "complete_step", "get_workflow_state", "get_workflow_history"];

export async function runRound(plan: Plan, memory: Memory): Promise<Round> {
  const at = new Date();
  const beganAt = performance.now();
  const steps: { name: string; tookMs: number }[] = [];
  let failedAt: string | undefined;
  const step: Step = async (name, work) => {
    const since = performance.now();
    try {
      return await work();
    } catch (error) {
      failedAt ??= name;
      throw error;
    } finally {
      steps.push({ name, tookMs: performance.now() - since });
    }
  };
  const told = (rest: Omit<Round, "at" | "era" | "tookMs" | "steps">): Round => {
    return { at, era: plan.era, tookMs: performance.now() - beganAt, steps, ...rest };
  };
  try {
    const peer = await step("connect", () => openPeer(plan.era, plan));
    try {
      await steer(plan, peer, step, memory);
    } finally {
      await step("close", () => peer.close());
    }
  } catch (error) {
    if (!(error instanceof ProbeFailure)) throw error;
    const where = failedAt ?? steps.findLast(({ name }) => name !== "close" && name !== "end_session")?.name;
    return told({
      ok: false,
      ...(where !== undefined && { failedAt: where }),
      reason: error.message,
      kind: error.kind,
    });
  }
  const tookMs = performance.now() - beganAt;
  if (plan.maxMs === undefined || tookMs <= plan.maxMs) return told({ ok: true });
  return told({ ok: false, kind: "slow", reason: `it took ${Math.round(tookMs)} ms, more than ${plan.maxMs}` });
}

async function steer(plan: Plan, peer: Peer, step: Step, memory: Memory): Promise<void> {
  const tools = await step("tools/list", () => peer.tools());
  if (plan.tool !== undefined) return await probeTool(peer, step, tools, plan.tool.name, plan.tool.args);
  const names = new Set(tools.map(({ name }) => name));
  const missing = sessionTools.filter((name) => !names.has(name));
  if (missing.length > 0) {
    throw wrong(
      `this server has not the tools of holdfast (${missing.join(", ")}): say which to call with --tool NAME`,
    );
  }
  await probeSession(peer, step);
  if (plan.workflow === undefined || !workflowTools.every((name) => names.has(name))) return;
  memory.workflow ??= plan.workflow === "new" ? await startWorkflow(peer, step) : plan.workflow;
  await readWorkflow(peer, step, memory.workflow);
}

/** What a probe does with a server, step by step, and what each answer has to look like. */
import { wrong } from "./failure.ts";
import { expectSchema } from "./schema-check.ts";
import { expectGapless, expectSame, expectShape, type Shape } from "./shape.ts";
import { isJson, type Json, type Peer } from "./wire.ts";

/** Runs a step under its name, and times it. */
export type Step = <T>(name: string, work: () => Promise<T>) => Promise<T>;

const context: Shape = {
  session_id: "text",
  label: ["nullable", "text"],
  total_events: "number",
  metadata: "any",
  preferences: "object",
  counters: "object",
  recent_events: ["list", { position: "number", type: "text", payload: "any", at: "time" }],
  recent_turns: ["list", { tool: "text", at: "time", duration_ms: "number", ok: "boolean" }],
};

const workflow: Shape = {
  workflow_id: "text",
  name: "text",
  phase: "text",
  completed_steps: ["list", "text"],
  has_error: "boolean",
  position: "number",
};

const rounds = 3;

/**
 * Writes to a session of its own and reads it back: what was acknowledged has to be there, whole and in order. The
 * session ends with the probe.
 */
export async function probeSession(peer: Peer, step: Step): Promise<void> {
  const made = await step("create_session", () => peer.call("create_session", { label: "holdfast probe" }));
  expectShape("create_session", made, { session_id: "text", created_at: "time", expires_at: "time" });
  const session_id = String(made["session_id"]);
  try {
    let last: Json = {};
    for (let round = 1; round <= rounds; round += 1) {
      last = await step("record_action", () =>
        peer.call("record_action", { session_id, action: "probed", details: { round } }),
      );
      expectShape("record_action", last, { position: "number", total_events: "number" });
    }
    expectSame("record_action.total_events", last["total_events"], rounds);
    const counted = await step("increment_counter", () =>
      peer.call("increment_counter", { session_id, name: "probe", by: 7 }),
    );
    expectSame("increment_counter.value", counted["value"], 7);
    await step("set_preference", () =>
      peer.call("set_preference", { session_id, key: "probe", value: { list: [], object: {} } }),
    );
    const read = await step("get_context", () => peer.call("get_context", { session_id }));
    checkContext(read, session_id, last);
    const foreign = await step("unknown handle", () =>
      peer.call("get_context", { session_id: `${session_id}x` }, true),
    );
    const refused = isJson(foreign["error"]) ? foreign["error"]["code"] : undefined;
    expectSame("the error of an unknown session", refused, "not_found");
  } finally {
    await step("end_session", () => peer.call("end_session", { session_id }));
  }
}

function checkContext(read: Json, session_id: string, last: Json): void {
  expectShape("get_context", read, context);
  expectSame("get_context.session_id", read["session_id"], session_id);
  expectSame("get_context.total_events", read["total_events"], rounds);
  expectSame("get_context.counters", read["counters"], { probe: 7 });
  expectSame("get_context.preferences", read["preferences"], { probe: { list: [], object: {} } });
  // The shape was checked.
  const events = read["recent_events"] as readonly Json[];
  expectGapless("get_context.recent_events", events);
  expectSame("the newest of get_context.recent_events", events.at(-1)?.["position"], last["position"]);
  expectSame(
    "get_context.recent_events",
    events.map(({ payload }) => payload),
    [{ round: 1 }, { round: 2 }, { round: 3 }],
  );
}

/** Starts a workflow and finishes a step of it; answers its id, for the rounds to come. */
export async function startWorkflow(peer: Peer, step: Step): Promise<string> {
  const steps = ["first", "second"];
  const made = await step("start_workflow", () => peer.call("start_workflow", { name: "holdfast probe", steps }));
  expectShape("start_workflow", made, workflow);
  expectSame("start_workflow.completed_steps", made["completed_steps"], []);
  const workflow_id = String(made["workflow_id"]);
  const next = await step("complete_step", () => peer.call("complete_step", { workflow_id, step_id: "first" }));
  expectShape("complete_step", next, workflow);
  expectSame("complete_step.completed_steps", next["completed_steps"], ["first"]);
  return workflow_id;
}

/** Reads a workflow's state and its log: they have to tell the same story. */
export async function readWorkflow(peer: Peer, step: Step, workflow_id: string): Promise<void> {
  const state = await step("get_workflow_state", () => peer.call("get_workflow_state", { workflow_id }));
  expectShape("get_workflow_state", state, workflow);
  const events: Json[] = [];
  let after: unknown = 0;
  do {
    const from = after;
    const page = await step("get_workflow_history", () =>
      peer.call("get_workflow_history", { workflow_id, after: from, limit: 500 }),
    );
    expectShape("get_workflow_history", page, { events: ["list", { position: "number", type: "text", at: "time" }] });
    events.push(...(page["events"] as readonly Json[]));
    after = page["next"];
  } while (after !== undefined && after !== null && events.length < 100_000);
  expectGapless("get_workflow_history.events", events);
  expectSame("the end of get_workflow_history", events.at(-1)?.["position"], state["position"]);
  const completed = events.filter(({ type }) => type === "step_completed").length;
  const listed = state["completed_steps"] as readonly unknown[];
  if (listed.length !== completed) {
    throw wrong(`get_workflow_state has ${listed.length} completed steps, and its history ${completed}`);
  }
}

/** Any tool of any server: it has to answer, and as the schema it advertises says. */
export async function probeTool(
  peer: Peer,
  step: Step,
  tools: readonly Json[],
  name: string,
  args: Json,
): Promise<void> {
  const advertised = tools.find((tool) => tool["name"] === name);
  if (advertised === undefined) throw wrong(`the server has no tool "${name}"`);
  const answer = await step(name, () => peer.call(name, args));
  expectSchema(name, answer, advertised["outputSchema"]);
}

/** What happens to a workflow: each call is one event, or none where there is nothing to do. */
import { type AppendEventsOptions, type Decision, type EventInput, HoldfastError, isHoldfastError } from "holdfast";
import * as z from "zod";

import { workflowUri } from "../resources/uris.ts";
import type { Flow, FlowEvents } from "../workflow/kind.ts";
import { stateOf } from "../workflow/state.ts";
import { agentId, expectedPosition, idempotencyKey, nameOf, workflowId } from "./arguments.ts";
import { type Caller, type Structured, type Tool, tool } from "./define.ts";

type Event = EventInput<FlowEvents>;

const maxSteps = 1_000;
const annotations = {
  readOnlyHint: false,
  destructiveHint: false,
  idempotentHint: false,
  openWorldHint: false,
} as const;

export const startWorkflow: Tool = tool({
  name: "start_workflow",
  title: "Start a workflow",
  description:
    "Begins a workflow that several agents and sessions of yours can drive together, and returns its state with its workflow_id. " +
    "Each change is recorded with who made it; get_workflow_history tells them all. It ends after 30 days without use.",
  inputSchema: z.strictObject({
    name: nameOf("What the workflow is about."),
    steps: z
      .array(nameOf("A step's id."))
      .max(maxSteps)
      .describe("The steps it consists of. Given, complete_step takes no others.")
      .optional(),
    session_id: z.string().describe("The session it is started from, to be noted in its history.").optional(),
  }),
  annotations,
  run: async ({ name, steps = [], session_id: named }, caller) => {
    const { signal, state, sessions, session, notify } = caller;
    // One that is named has to be there; the connection's own is.
    if (named !== undefined) await sessions.open(named).view({ signal });
    const from = named ?? session?.id;
    const payload = { name, steps, ...(from !== undefined && { session_id: from }) };
    const started = await state.workflow.create({ type: "started", payload }, { signal });
    // The caller has another resource now.
    notify.resourcesChanged();
    return stateOf(started.id, started);
  },
});

export const completeStep: Tool = tool({
  name: "complete_step",
  title: "Complete a step",
  description:
    "Marks a step of a workflow as completed, and moves on to another phase if one is given. A step that was completed before stays so, " +
    "and nothing changes.",
  inputSchema: z.strictObject({
    workflow_id: workflowId,
    step_id: nameOf("The step, as given to start_workflow."),
    next_phase: nameOf("The phase the workflow is in from now on.").optional(),
    agent_id: agentId,
    expected_position: expectedPosition,
    idempotency_key: idempotencyKey,
  }),
  annotations,
  run: async (args, caller) => {
    const { step_id, next_phase, idempotency_key: key } = args;
    const { workflow_id: _, idempotency_key: __, ...intent } = args;
    return await decide(
      args,
      caller,
      ({ steps, completed }) => {
        if (completed.includes(step_id)) return undefined;
        if (steps.length > 0 && !steps.includes(step_id)) {
          throw new HoldfastError(
            "INVALID_ARGUMENT",
            `The workflow has no step "${step_id}". get_workflow_state shows the steps it has.`,
          );
        }
        return { type: "step_completed", payload: { step_id, ...(next_phase !== undefined && { next_phase }) } };
      },
      key === undefined ? {} : { idempotency: { key, intent } },
    );
  },
});

export const advancePhase: Tool = tool({
  name: "advance_phase",
  title: "Advance the phase",
  description: "Moves a workflow on to another phase, whatever the phase before.",
  inputSchema: z.strictObject({
    workflow_id: workflowId,
    phase: nameOf("The phase the workflow is in from now on."),
    agent_id: agentId,
    expected_position: expectedPosition,
  }),
  annotations,
  run: async (args, caller) =>
    await decide(args, caller, () => ({ type: "phase_advanced", payload: { phase: args.phase } })),
});

export const recordError: Tool = tool({
  name: "record_error",
  title: "Record an error",
  description: "Notes that something went wrong in a workflow, for whoever goes on with it, until resolve_error.",
  inputSchema: z.strictObject({
    workflow_id: workflowId,
    message: z.string().min(1).describe("What went wrong, and what may help."),
    agent_id: agentId,
  }),
  annotations,
  run: async (args, caller) =>
    await decide(args, caller, () => ({ type: "error_recorded", payload: { message: args.message } })),
});

export const resolveError: Tool = tool({
  name: "resolve_error",
  title: "Resolve an error",
  description: "Notes that the error of a workflow is dealt with. Where there is none, nothing changes.",
  inputSchema: z.strictObject({ workflow_id: workflowId, agent_id: agentId }),
  annotations: { ...annotations, idempotentHint: true },
  run: async (args, caller) =>
    await decide(args, caller, ({ error }) => (error === undefined ? undefined : { type: "error_resolved" })),
});

type Naming = {
  readonly workflow_id: string;
  readonly agent_id?: string | undefined;
  readonly expected_position?: number | undefined;
};

/** Lets the state decide what happens, and tells who watches the workflow. */
async function decide(
  { workflow_id: id, agent_id: agent, expected_position: expected }: Naming,
  { state, notify, signal }: Caller,
  what: (flow: Flow) => Decision<Event>,
  options: AppendEventsOptions = {},
): Promise<Structured> {
  const { view, appended, position, replayed } = await state.workflow.decide(id, what, {
    ...options,
    agent,
    signal,
    ...(expected !== undefined && { expectedPosition: expected }),
  });
  if (appended > 0) notify.resourceUpdated(workflowUri(id));
  return stateOf(
    id,
    replayed && position < view.position ? await asAnswered(id, position, view, { state, signal }) : view,
  );
}

type Shown = Parameters<typeof stateOf>[1];

/** What the first of several calls with one key was answered; as it is now, where the history was cut since. */
async function asAnswered(
  id: string,
  position: number,
  now: Shown,
  { state, signal }: Pick<Caller, "state" | "signal">,
): Promise<Shown> {
  try {
    return await state.workflow.at(id, position, { signal });
  } catch (error) {
    if (isHoldfastError(error, "REPLAY_WINDOW_EXCEEDED")) return now;
    throw error;
  }
}

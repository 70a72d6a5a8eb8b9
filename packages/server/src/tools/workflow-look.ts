import { HoldfastError, isHoldfastError, type PastValue } from "holdfast";
import * as z from "zod";

import { eventTypes, type Flow } from "../workflow/kind.ts";
import { stateOf } from "../workflow/state.ts";
import { workflowId } from "./arguments.ts";
import { type Caller, type Tool, tool } from "./define.ts";
import { isoTime } from "./time.ts";

export const getWorkflowState: Tool = tool({
  name: "get_workflow_state",
  title: "Get a workflow's state",
  description:
    "The state of a workflow: phase, steps, completed steps and the error if there is one; now, or as it was.",
  inputSchema: z.strictObject({
    workflow_id: workflowId,
    at_position: z
      .int()
      .describe("Shows it as it was after this event of its history, from 1 on, instead of as it is.")
      .optional(),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  run: async ({ workflow_id: id, at_position: position }, caller) => {
    const shown =
      position === undefined
        ? await caller.state.workflow.get(id, { signal: caller.signal })
        : await pastOf(id, position, caller);
    return stateOf(id, shown);
  },
});

async function pastOf(id: string, position: number, { state, signal }: Caller): Promise<PastValue<Flow>> {
  try {
    if (position >= 1) return await state.workflow.at(id, position, { signal });
  } catch (error) {
    // Above the head: the library counts from 0, what this tool shows begins with the first event.
    if (!isHoldfastError(error, "INVALID_ARGUMENT")) throw error;
  }
  // Whose workflow it is comes first: a stranger's question is answered like any about nothing.
  const { position: head } = await state.workflow.get(id, { signal });
  throw new HoldfastError("INVALID_ARGUMENT", `at_position is a whole number from 1 to ${head}, not ${position}.`);
}

export const getWorkflowHistory: Tool = tool({
  name: "get_workflow_history",
  title: "Get a workflow's history",
  description:
    "What happened to a workflow, oldest first, and who did it; filtered by agent and type if you like. " +
    "Pass the `next` of one page as `after` to get the following one.",
  inputSchema: z.strictObject({
    workflow_id: workflowId,
    after: z.int().min(0).default(0).describe("Only what happened after this position."),
    limit: z.int().min(1).max(500).default(100).describe("Events per page."),
    agent_id: z.string().min(1).max(128).describe("Only what this agent did.").optional(),
    type: z.enum(eventTypes).describe("Only events of this type.").optional(),
  }),
  annotations: { readOnlyHint: true, openWorldHint: false },
  run: async ({ workflow_id: id, after, limit, agent_id: agent, type }, { state, signal }) => {
    const page = await state.workflow
      // From the start means from the oldest there still is.
      .history(id, { ...(after > 0 && { after }), limit, agent, type, signal })
      .catch(async (error: unknown) => {
        throw (await beyondHead(id, after, { state, signal })) ?? error;
      });
    return {
      events: page.events.map(({ position, type, payload, by, at }) => ({
        position,
        type,
        payload,
        agent_id: by.agent ?? null,
        at: isoTime(at),
      })),
      ...(page.next !== undefined && { next: page.next }),
    };
  },
});

/** Says where the history ends, to who asked for what comes after that. */
async function beyondHead(
  id: string,
  after: number,
  { state, signal }: Pick<Caller, "state" | "signal">,
): Promise<HoldfastError | undefined> {
  const head = await state.workflow.get(id, { signal }).then(
    ({ position }) => position,
    () => undefined,
  );
  if (head === undefined || after <= head) return undefined;
  return new HoldfastError("INVALID_ARGUMENT", `after is a whole number from 0 to ${head}, not ${after}.`);
}

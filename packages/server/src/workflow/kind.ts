/** Workflows, told by what happened: any number of agents may drive one, and who did what stays on record. */
import { type EventSourcedKind, eventSourced } from "holdfast";
import * as z from "zod";

export type Flow = {
  readonly name: string;
  readonly phase: string;
  readonly steps: readonly string[];
  readonly completed: readonly string[];
  /** What the error says that was recorded last and is not resolved. */
  readonly error?: string | undefined;
};

type Started = { readonly name: string; readonly steps: readonly string[]; readonly session_id?: string | undefined };
type StepCompleted = { readonly step_id: string; readonly next_phase?: string | undefined };

/** What can happen, with the schema of what belongs to it. */
export type FlowEvents = {
  readonly started: z.ZodType<Started, Started>;
  readonly step_completed: z.ZodType<StepCompleted, StepCompleted>;
  readonly phase_advanced: z.ZodType<{ readonly phase: string }, { readonly phase: string }>;
  readonly error_recorded: z.ZodType<{ readonly message: string }, { readonly message: string }>;
  readonly error_resolved: z.ZodType<object, object>;
};

const name = z.string().min(1).max(128);

const events: FlowEvents = {
  started: z.object({ name, steps: z.array(name).readonly(), session_id: z.string().optional() }),
  step_completed: z.object({ step_id: name, next_phase: name.optional() }),
  phase_advanced: z.object({ phase: name }),
  error_recorded: z.object({ message: z.string().min(1) }),
  error_resolved: z.object({}),
};

export type FlowEventType = keyof FlowEvents;
export const eventTypes: readonly FlowEventType[] = [
  "started",
  "step_completed",
  "phase_advanced",
  "error_recorded",
  "error_resolved",
];

export type Workflow = EventSourcedKind<"workflow", Flow, FlowEvents, "many">;

/** @param maxEventsKept about how much of its history is kept; absent: all of it. */
export function workflowKind(maxEventsKept?: number): Workflow {
  return eventSourced("workflow", {
    prefix: "wf",
    idle: "30d",
    limits: maxEventsKept === undefined ? {} : { maxEventsKept },
    initial: (): Flow => ({ name: "", phase: "init", steps: [], completed: [] }),
    events,
    evolve: (flow, { type, payload }) => {
      switch (type) {
        case "started":
          return { ...flow, name: payload.name, steps: payload.steps };
        case "step_completed":
          return {
            ...flow,
            completed: [...flow.completed, payload.step_id],
            ...(payload.next_phase !== undefined && { phase: payload.next_phase }),
          };
        case "phase_advanced":
          return { ...flow, phase: payload.phase };
        case "error_recorded":
          return { ...flow, error: payload.message };
        case "error_resolved":
          return { ...flow, error: undefined };
      }
    },
  });
}

/** As the looking commands and the schemas of tools need it, which change nothing. */
export const workflow: Workflow = workflowKind();

import type { EventSourcedView } from "holdfast";

import type { Structured } from "../tools/define.ts";
import type { Flow } from "./kind.ts";

/** A workflow as every tool of it answers, now or as it was. */
export function stateOf(
  id: string,
  { value, position }: Pick<EventSourcedView<Flow>, "value" | "position">,
): Structured {
  return {
    workflow_id: id,
    name: value.name,
    phase: value.phase,
    steps: value.steps,
    completed_steps: value.completed,
    has_error: value.error !== undefined,
    ...(value.error !== undefined && { error_message: value.error }),
    position,
  };
}

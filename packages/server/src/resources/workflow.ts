import { type McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import type { ServeContext } from "holdfast";

import type { Kinds } from "../kinds.ts";
import { stateOf, workflowUri } from "../workflow/state.ts";

// Made once: what it matches never changes.
const template = new ResourceTemplate("workflow://{workflow_id}", { list: undefined });

const about = {
  title: "Workflow",
  description: "The state of a workflow, as get_workflow_state answers it.",
  mimeType: "application/json",
} as const;

/** A caller's workflows as resources. */
export function registerWorkflowResource(server: McpServer, { state }: ServeContext<Kinds>): void {
  server.registerResource("workflow", template, about, async (_, { workflow_id: id }) => {
    // The template has one value for its one variable.
    const workflowId = String(id);
    const view = await state.workflow.get(workflowId);
    const text = JSON.stringify(stateOf(workflowId, view));
    return { contents: [{ uri: workflowUri(workflowId), mimeType: about.mimeType, text }] };
  });
}

/** Workflows as resources: what get_workflow_state tells, to read and to subscribe to. */
import { type McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import type { ServeContext } from "holdfast";

import type { Kinds } from "../kinds.ts";
import { stateOf } from "../workflow/state.ts";
import { listedFor } from "./listed.ts";
import { workflowUri } from "./uris.ts";

/** Workflows that a listing of resources names: the newest. */
const maxListed = 100;
const mimeType = "application/json";

export function registerWorkflowResource(server: McpServer, { state, principal }: ServeContext<Kinds>): void {
  const template = new ResourceTemplate("workflow://{workflow_id}", {
    list: listedFor(principal, async () => {
      const { records } = await state.workflow.list({ limit: maxListed });
      return { resources: records.map(({ id }) => ({ uri: workflowUri(id), name: id, mimeType })) };
    }),
  });
  server.registerResource(
    "workflow",
    template,
    {
      title: "A workflow",
      description: "Phase, steps, completed steps and the error, if there is one, of one of your workflows.",
      mimeType,
    },
    async (uri, { workflow_id: id }, { mcpReq }) => {
      const workflowId = String(id);
      const view = await state.workflow.get(workflowId, { signal: mcpReq.signal });
      return { contents: [{ uri: uri.href, mimeType, text: JSON.stringify(stateOf(workflowId, view)) }] };
    },
  );
}

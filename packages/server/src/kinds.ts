import { type Vault, vaultKind } from "./vault/kind.ts";
import { type Workflow, workflow, workflowKind } from "./workflow/kind.ts";

/** The kinds of records that the server keeps besides sessions. */
export type Kinds = readonly [Workflow, Vault];

export function kindsFor({
  sessionAbsolute,
  maxWorkflowEvents,
}: {
  readonly sessionAbsolute: number;
  readonly maxWorkflowEvents: number;
}): Kinds {
  return [workflowKind(maxWorkflowEvents), vaultKind(sessionAbsolute)];
}

/** Those whose records are kept by their events, and can be looked at as they were. */
export const sourcedKinds: readonly [Workflow] = [workflow];

import type { EventSourcedKind } from "holdfast";
import { type Vault, vaultKind } from "./vault/kind.ts";
import { type Flow, type FlowEvents, workflow } from "./workflow/kind.ts";

type Workflow = EventSourcedKind<"workflow", Flow, FlowEvents, "many">;
/** The kinds of records that the server keeps besides sessions. */
export type Kinds = readonly [Workflow, Vault];

export function kindsFor({ sessionAbsolute }: { readonly sessionAbsolute: number }): Kinds {
  return [workflow, vaultKind(sessionAbsolute)];
}

/** Those whose records are kept by their events, and can be looked at as they were. */
export const sourcedKinds: readonly [Workflow] = [workflow];

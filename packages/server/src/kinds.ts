import type { EventSourcedKind } from "holdfast";
import { type Flow, type FlowEvents, workflow } from "./workflow/kind.ts";

/** The kinds of records that the server keeps besides sessions. */
export type Kinds = readonly [EventSourcedKind<"workflow", Flow, FlowEvents, "many">];
export const kinds: Kinds = [workflow];

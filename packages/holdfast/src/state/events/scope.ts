import type { Scope } from "../scope.ts";
import type { SourcedDefinition } from "./definition.ts";

/** The records of one event-sourced kind of one owner. */
export type SourcedScope = Scope & { readonly kind: SourcedDefinition };

export function isSourced(scope: Scope): scope is SourcedScope {
  return scope.kind.sourcing !== undefined;
}

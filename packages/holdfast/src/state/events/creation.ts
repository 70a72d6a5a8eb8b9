import type { Creation } from "../../record/change.ts";
import type { SourcedScope } from "./scope.ts";
import { snapshotFields, snapshotText } from "./snapshot-text.ts";

/** How a record begins: with a snapshot of its initial value at position 0. */
export async function creationOf({ kind }: SourcedScope, name?: string): Promise<Creation> {
  return {
    text: await snapshotText(kind, kind.sourcing.initial()),
    position: 0,
    fields: snapshotFields(kind, name),
    lifetime: kind.lifetime,
  };
}

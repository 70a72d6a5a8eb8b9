/** Event-sourced records of the server's kinds, whoever's they are. */

import { findRecord } from "holdfast/admin";
import type { OwnedSummary, Store } from "holdfast/contract";

import type { Output } from "../../cli/output.ts";
import { printable } from "../../cli/table.ts";
import { usage } from "../../cli/usage.ts";

/** The one kind the server keeps by its events. */
const sourcedKind = "workflow";

/** The record, or undefined where there is none, which was said then. Throws `CONFIGURATION` for one of another sort. */
export async function findSourced(
  store: Store,
  id: string,
  out: Output,
  signal: AbortSignal,
): Promise<OwnedSummary | undefined> {
  const found = await findRecord(store, id, { signal });
  if (found === undefined) {
    out.note(`holdfast: there is no record ${printable(id)} here`);
    return undefined;
  }
  if (found.kind === sourcedKind) return found;
  throw usage(`${id} is a ${found.kind}, which is not kept by its events; a ${sourcedKind} is`);
}

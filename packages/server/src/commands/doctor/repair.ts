import { localUser, storeOfOwner } from "holdfast/admin";

import type { Output } from "../../cli/output.ts";
import { notFound } from "../looking/exits.ts";
import { findSourced } from "../looking/sourced.ts";
import { openExisting } from "../open-store.ts";

/** Makes the snapshot of a record anew from its events, which are the truth. Resolves with the exit code. */
export async function repair(url: string, id: string, out: Output, signal: AbortSignal): Promise<number> {
  await using store = await openExisting(url);
  const found = await findSourced(store, id, out, signal);
  if (found === undefined) return notFound;
  const [{ holdfast }, { sourcedKinds: kinds }] = await Promise.all([import("holdfast"), import("../../kinds.ts")]);
  await using hold = await holdfast({ store: storeOfOwner(store, found.owner), kinds });
  const { position, changed } = await hold.state(localUser).workflow.repair(id, { signal });
  if (out.json) out.value({ id, kind: found.kind, position, changed });
  else {
    const what = changed ? "its snapshot was another, and is mended" : "its snapshot was right";
    out.line(`${id}: ${position} events replayed; ${what}`);
  }
  return 0;
}

import type { Owner } from "../record/record.ts";
import type { ReapAnswer } from "../store/contract.ts";
import type { EventBus } from "./bus/bus.ts";

/** Tells each owner, once, that a list of resources has changed because something in it is over. Never throws. */
export function announceExpired(
  bus: Pick<EventBus, "publish">,
  listedKinds: ReadonlySet<string>,
  removed: ReapAnswer["removed"],
): void {
  const owners = new Set<Owner>();
  // What was ended was told by whoever ended it.
  for (const { owner, kind, cause } of removed) if (cause === "expired" && listedKinds.has(kind)) owners.add(owner);
  for (const owner of owners) bus.publish({ kind: "resources_list_changed" }, owner);
}

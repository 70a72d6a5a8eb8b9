import type { Owner } from "../record/record.ts";
import type { ReapedRecord } from "../store/contract.ts";
import type { EventBus } from "./bus/bus.ts";

/** Tells each owner, once, that a list of resources has changed because something in it is over. Never throws. */
export function announceExpired(
  bus: Pick<EventBus, "publish">,
  listedKinds: ReadonlySet<string>,
  expired: readonly ReapedRecord[],
): void {
  const owners = new Set<Owner>();
  for (const { owner, kind } of expired) if (listedKinds.has(kind)) owners.add(owner);
  for (const owner of owners) bus.publish({ kind: "resources_list_changed" }, owner);
}

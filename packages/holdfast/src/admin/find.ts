import { isKindName } from "../record/ids.ts";
import type { OwnedSummary, Store } from "../store/contract.ts";
import { everyRecord, type RecordsOptions } from "./walk.ts";

/**
 * The record of an id, of any state and whoever's it is. Ids are unguessable, so there is one at most, but for the second
 * record of a connection, which has the id of its session: it is found only by its kind. Looks through the whole store
 * unless an owner is given.
 *
 * @example
 * const found = await findRecord(store, "basket_…");
 * if (found !== undefined) console.log(summaryAsJson(found.owner, found));
 */
export async function findRecord(
  store: Store,
  id: string,
  options: RecordsOptions = {},
): Promise<OwnedSummary | undefined> {
  const { kind } = options;
  if (kind !== undefined && !isKindName(kind)) return undefined;
  for await (const record of everyRecord(store, options)) {
    if (record.id !== id || (kind === undefined && record.kind.startsWith("holdfast."))) continue;
    return record;
  }
  return undefined;
}

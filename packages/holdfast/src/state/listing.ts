import type { ListPage } from "../store/contract.ts";
import { invalid } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import type { ListQuery } from "./types.ts";

const defaultLimit = 100;
const maxLimit = 1_000;

/** The owner's own records of a kind, newest first. Listing keeps nothing alive. */
export async function listPage(scope: Scope, { after, limit = defaultLimit, signal }: ListQuery): Promise<ListPage> {
  if (!(Number.isSafeInteger(limit) && limit >= 1 && limit <= maxLimit)) {
    throw invalid(`limit is a whole number from 1 to ${maxLimit}, not ${String(limit)}`);
  }
  return await scope.engine.list(scope.owner, scope.kind.name, { after, limit, order: "newest", signal });
}

import type { IndexedFields } from "../record/record.ts";
import type { ListPage } from "../store/contract.ts";
import { checkList } from "./method-options.ts";
import { invalid } from "./refusals.ts";
import type { Scope } from "./scope.ts";
import type { ListQuery } from "./types.ts";

const defaultLimit = 100;
const maxLimit = 1_000;

/** The owner's own records of a kind, newest first. Neither listing nor finding keeps anything alive. */
export async function listPage(scope: Scope, query: ListQuery, where?: IndexedFields): Promise<ListPage> {
  checkList(where === undefined ? "list" : "find", query);
  const { after, limit, replica, signal } = query;
  return await scope.engine.list(scope.owner, scope.kind.name, {
    after,
    limit: checkedLimit(limit),
    order: "newest",
    ...(where !== undefined && { where }),
    replica,
    signal,
  });
}

/** How many records a page has. Throws `INVALID_ARGUMENT` unless that is a whole number from 1 to 1,000. */
export function checkedLimit(limit: number = defaultLimit): number {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= maxLimit) return limit;
  throw invalid(`limit is a whole number from 1 to ${maxLimit}, not ${String(limit)}`);
}

/** Those with these indexed fields. Throws `INVALID_ARGUMENT` for fields the kind cannot have. */
export async function findPage(scope: Scope, where: IndexedFields, options: ListQuery): Promise<ListPage> {
  const { name, index } = scope.kind;
  if (index === undefined) throw invalid(`kind "${name}" has no "index", so there is nothing to find its records by`);
  if (typeof where !== "object" || where === null) throw invalid("find() takes an object of fields and values");
  for (const field of Object.keys(where)) {
    if (field.startsWith("$")) throw invalid(`"${field}" is the engine's own; kind "${name}" has no such field`);
  }
  return await listPage(scope, options, where);
}

import type { IndexedFields } from "./record.ts";

/** Most fields one listing may compare. */
export const maxComparedFields = 16;

/**
 * Whether every field named is there with this very value; `null` is a value like any other, and absent is none.
 *
 * @example
 * matchesFields({ status: "open", cents: 12 }, { status: "open" }); // true
 */
export function matchesFields(fields: IndexedFields, where: IndexedFields | undefined): boolean {
  if (where === undefined) return true;
  for (const [name, value] of Object.entries(where)) {
    if (!Object.hasOwn(fields, name) || fields[name] !== value) return false;
  }
  return true;
}

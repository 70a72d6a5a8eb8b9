import { getMember, hasToJson, setMember } from "./json.ts";

/**
 * A JSON merge patch (RFC 7396): members of the patch replace, `null` removes, objects merge, everything else
 * (arrays too) replaces as a whole. `undefined` members are as if absent. The target is left alone.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result = {};
  if (isObject(target)) for (const [key, value] of Object.entries(target)) setMember(result, key, value);
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) Reflect.deleteProperty(result, key);
    else setMember(result, key, mergePatch(getMember(result, key), value));
  }
  return result;
}

/** Objects that JSON would write with braces; a date is a value. */
function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !hasToJson(value);
}

/** A merge patch (RFC 7396) of a document: what is left out stays, `null` removes, arrays are replaced whole. */
export type DeepPartial<Value> = Value extends readonly unknown[]
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]?: DeepPartial<Value[Key]> | null }
    : Value;

/** An answer against the output schema a tool advertises: the part of JSON Schema that output schemas are made of. */
import { wrong } from "./failure.ts";
import { isJson } from "./wire.ts";

const maxDepth = 32;

/** Throws `ProbeFailure` naming the first part that the schema does not allow. */
export function expectSchema(where: string, value: unknown, schema: unknown, depth = 0): void {
  if (!isJson(schema) || depth > maxDepth) return;
  const types = [schema["type"]].flat().filter((type) => typeof type === "string");
  if (types.length > 0 && !types.some((type) => isOfType(type, value))) {
    throw wrong(`${where} has to be ${types.join(" or ")}, as the tool's schema says, and is ${nameOf(value)}`);
  }
  const { enum: allowed, const: only } = schema;
  if (Array.isArray(allowed) && !allowed.some((each) => JSON.stringify(each) === JSON.stringify(value))) {
    throw wrong(`${where} is none of ${JSON.stringify(allowed).slice(0, 120)}`);
  }
  if (only !== undefined && JSON.stringify(only) !== JSON.stringify(value))
    throw wrong(`${where} is not what it has to be`);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) expectSchema(`${where}[${index}]`, item, schema["items"], depth + 1);
  }
  if (!isJson(value)) return;
  const { required, properties } = schema;
  for (const name of Array.isArray(required) ? required : []) {
    if (typeof name === "string" && !Object.hasOwn(value, name)) throw wrong(`${where}.${name} is missing`);
  }
  for (const [name, inner] of Object.entries(isJson(properties) ? properties : {})) {
    if (Object.hasOwn(value, name)) expectSchema(`${where}.${name}`, value[name], inner, depth + 1);
  }
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isJson(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

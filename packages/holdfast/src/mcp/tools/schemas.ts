/**
 * Input schemas as the SDK sees them. Two things differ from what the author gave: input that does not fit is handed on,
 * marked, instead of being refused in the SDK's plain words; and the conversion to JSON Schema, which would otherwise be
 * repeated by every per-request server, happens once per schema.
 */
import type { StandardSchemaV1, StandardSchemaWithJSON } from "@modelcontextprotocol/server";
import * as z from "zod";

/** Stands where a tool's arguments would, if they did not fit its schema. */
export class RefusedInput {
  readonly input: unknown;
  /** What did not fit; or what the schema threw while it looked. */
  readonly cause: { readonly issues: readonly StandardSchemaV1.Issue[] } | { readonly thrown: unknown };

  constructor(input: unknown, cause: RefusedInput["cause"]) {
    this.input = input;
    this.cause = cause;
  }
}

type Converter = StandardSchemaWithJSON["~standard"]["jsonSchema"];

/** Prepared schemas by the identity of the author's. Schemas made anew for every request are prepared anew. */
export class SchemaCache {
  readonly #inputs = new WeakMap<object, StandardSchemaWithJSON>();
  readonly #outputs = new WeakMap<object, StandardSchemaWithJSON>();

  /** An input schema that marks what it refuses. Anything that is no schema is left to the SDK to complain about. */
  input<Given>(given: Given): Given | StandardSchemaWithJSON {
    return prepared(this.#inputs, given, (schema) => derived(schema, marking(schema)));
  }

  /** An output schema that is converted once. */
  output<Given>(given: Given): Given | StandardSchemaWithJSON {
    return prepared(this.#outputs, given, (schema) => derived(schema, schema["~standard"].validate));
  }
}

function prepared<Given>(
  cache: WeakMap<object, StandardSchemaWithJSON>,
  given: Given,
  prepare: (schema: StandardSchemaWithJSON) => StandardSchemaWithJSON,
): Given | StandardSchemaWithJSON {
  if ((typeof given !== "object" && typeof given !== "function") || given === null) return given;
  const known = cache.get(given);
  if (known !== undefined) return known;
  const schema = asSchema(given);
  if (schema === undefined) return given;
  const made = prepare(schema);
  cache.set(given, made);
  return made;
}

/** The schema itself, or an object schema around a record of zod fields, which the SDK accepts as a shorthand. */
function asSchema(given: object): StandardSchemaWithJSON | undefined {
  if (isSchema(given)) return given;
  const prototype: unknown = Object.getPrototypeOf(given);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  if (!Object.values(given).every((field) => field instanceof z.ZodType)) return undefined;
  return z.object(Object.fromEntries(Object.entries(given)));
}

function isSchema(given: object): given is StandardSchemaWithJSON {
  if (!("~standard" in given)) return false;
  const standard = given["~standard"];
  return (
    typeof standard === "object" &&
    standard !== null &&
    "validate" in standard &&
    typeof standard.validate === "function"
  );
}

/** The same schema with another way to validate: everything else, vendor internals included, is inherited. */
function derived(
  schema: StandardSchemaWithJSON,
  validate: StandardSchemaWithJSON["~standard"]["validate"],
): StandardSchemaWithJSON {
  const standard = schema["~standard"];
  const jsonSchema: Converter | undefined = standard.jsonSchema;
  const value = {
    version: standard.version,
    vendor: standard.vendor,
    ...(standard.types === undefined ? {} : { types: standard.types }),
    validate,
    ...(jsonSchema === undefined ? {} : { jsonSchema: remembering(jsonSchema) }),
  };
  // An object with the schema as its prototype has all that the schema has.
  return Object.create(schema, { "~standard": { value, enumerable: true } }) as StandardSchemaWithJSON;
}

function marking(schema: StandardSchemaWithJSON): StandardSchemaWithJSON["~standard"]["validate"] {
  const standard = schema["~standard"];
  return (input, options) => {
    const mark = (result: StandardSchemaV1.Result<unknown>): StandardSchemaV1.Result<unknown> =>
      result.issues === undefined || result.issues.length === 0
        ? result
        : { value: new RefusedInput(input, { issues: result.issues }) };
    const broken = (thrown: unknown): StandardSchemaV1.Result<unknown> => ({
      value: new RefusedInput(input, { thrown }),
    });
    try {
      const result = standard.validate(input, options);
      return result instanceof Promise ? result.then(mark, broken) : mark(result);
    } catch (thrown) {
      return broken(thrown);
    }
  };
}

function remembering(converter: Converter): Converter {
  return { input: once((options) => converter.input(options)), output: once((options) => converter.output(options)) };
}

function once(convert: Converter["input"]): Converter["input"] {
  const byTarget = new Map<string, Record<string, unknown>>();
  return (options) => {
    if (options.libraryOptions !== undefined) return convert(options);
    const known = byTarget.get(options.target);
    if (known !== undefined) return known;
    const made = convert(options);
    // The few drafts of the specification, never a caller's choice.
    if (byTarget.size < 8) byTarget.set(options.target, made);
    return made;
  };
}

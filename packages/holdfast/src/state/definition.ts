/** A kind with everything resolved: checked once, when it is defined, and trusted from then on. */
import type { StandardSchemaV1 } from "@standard-schema/spec";

import { HoldfastError } from "../record/errors.ts";
import { isKindName } from "../record/ids.ts";
import { refuseUnknownNames } from "../record/option-names.ts";
import type { IndexedFields, Lifetime } from "../record/record.ts";
import { durationMs } from "./duration.ts";
import type { Sourcing } from "./events/definition.ts";
import type { Sealed } from "./sealing/policy.ts";
import type { Duration, KindLimits, KindScope } from "./types.ts";

/** What the engine works with. Types of the schema are erased here; the face puts them back. */
export type KindDefinition = {
  readonly name: string;
  readonly scope: KindScope;
  readonly prefix: string;
  readonly schema: StandardSchemaV1;
  readonly lifetime: Lifetime;
  readonly schemaVersion: number;
  /** `upcasters[n - 1]` turns version n into n + 1. */
  readonly upcasters: readonly ((older: unknown) => unknown)[];
  readonly initial?: (() => unknown) | undefined;
  readonly index?: ((value: unknown) => IndexedFields) | undefined;
  readonly maxDocumentBytes: number;
  readonly maxEventBytes: number;
  readonly maxEventsKept: number;
  readonly maxRecords?: number | undefined;
  /** Fields are given at creation and stay, instead of being made from each document. */
  readonly fixedFields?: true | undefined;
  readonly sealed?: Sealed | undefined;
  /** What makes the kind an event-sourced one. */
  readonly sourcing?: Sourcing | undefined;
};

/** The options of a kind with the types of its schema erased. */
export type UntypedKindOptions = {
  readonly schema: StandardSchemaV1;
  readonly scope?: KindScope;
  readonly prefix?: string;
  readonly idle?: Duration;
  readonly absolute?: Duration;
  readonly retain?: Duration;
  readonly initial?: () => unknown;
  readonly version?: number;
  readonly upcast?: Readonly<Record<number, (older: unknown) => unknown>>;
  readonly index?: (value: unknown) => IndexedFields;
  readonly limits?: KindLimits;
  readonly description?: string;
  readonly sealed?: boolean | readonly string[];
};

const kindDefaults = {
  maxDocumentBytes: 1_048_576,
  maxEventBytes: 262_144,
  maxEventsKept: 10_000,
} as const;

const optionNames = [
  "schema",
  "scope",
  "prefix",
  "idle",
  "absolute",
  "retain",
  "initial",
  "version",
  "upcast",
  "index",
  "limits",
  "description",
  "sealed",
] as const;
const limitNames = ["maxDocumentBytes", "maxEventBytes", "maxRecords", "maxEventsKept"] as const;
const scopes: readonly string[] = ["many", "named", "principal"] satisfies readonly KindScope[];

/** Throws `INVALID_ARGUMENT` naming the kind, the option and the remedy. */
export function defineKind(name: string, options: UntypedKindOptions): KindDefinition {
  if (typeof name !== "string" || !isKindName(name)) {
    throw invalid(
      `${JSON.stringify(name)} is no name for a kind: lower-case letters, digits, "." and "-", starting with a letter`,
    );
  }
  if (typeof options !== "object" || options === null) throw invalid(`kind "${name}" needs options with a schema`);
  const what = `kind "${name}"`;
  refuseUnknownNames(what, options, optionNames);
  refuseUnknownNames(`limits of ${what}`, options.limits ?? {}, limitNames);
  if (typeof options.schema?.["~standard"]?.validate !== "function") {
    throw invalid(`${what}: "schema" is not a Standard Schema (zod, valibot, arktype and others make them)`);
  }
  const scope = options.scope ?? "many";
  if (!scopes.includes(scope))
    throw invalid(`${what}: scope is one of ${scopes.join(", ")}, not ${JSON.stringify(scope)}`);
  refuseNonFunctions(what, options);
  const { limits } = options;
  return {
    name,
    scope,
    prefix: checkedPrefix(what, options.prefix ?? name.replaceAll(".", "-")),
    schema: options.schema,
    lifetime: lifetimeOf(what, options),
    ...versionsOf(what, options),
    initial: options.initial,
    index: options.index,
    sealed: sealedOf(what, options.sealed),
    maxDocumentBytes: wholeNumber(what, "maxDocumentBytes", limits?.maxDocumentBytes) ?? kindDefaults.maxDocumentBytes,
    maxEventBytes: wholeNumber(what, "maxEventBytes", limits?.maxEventBytes) ?? kindDefaults.maxEventBytes,
    maxEventsKept: wholeNumber(what, "maxEventsKept", limits?.maxEventsKept) ?? kindDefaults.maxEventsKept,
    maxRecords: wholeNumber(what, "maxRecords", limits?.maxRecords),
  };
}

function refuseNonFunctions(what: string, options: UntypedKindOptions): void {
  for (const name of ["initial", "index"] as const) {
    if (options[name] !== undefined && typeof options[name] !== "function")
      throw invalid(`${what}: "${name}" is a function`);
  }
  if (options.description !== undefined && typeof options.description !== "string") {
    throw invalid(`${what}: "description" is a text`);
  }
}

function sealedOf(what: string, sealed: boolean | readonly string[] | undefined): Sealed | undefined {
  if (sealed === undefined || sealed === false) return undefined;
  if (sealed === true) return true;
  const isList = Array.isArray(sealed) && sealed.length > 0 && sealed.every((name) => typeof name === "string");
  if (!isList) throw invalid(`${what}: "sealed" is true, or a list of members of the document`);
  return sealed;
}

function checkedPrefix(what: string, prefix: string): string {
  if (/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(prefix)) return prefix;
  throw invalid(`${what}: prefix "${prefix}" should be 1 to 64 letters, digits or "-", starting with a letter`);
}

function lifetimeOf(what: string, options: UntypedKindOptions): Lifetime {
  const { idle, absolute, retain } = options;
  return {
    ...(idle !== undefined && { idleMs: durationMs(idle, `${what}: idle`) }),
    ...(absolute !== undefined && { absoluteMs: durationMs(absolute, `${what}: absolute`) }),
    ...(retain !== undefined && { retainMs: durationMs(retain, `${what}: retain`) }),
  };
}

function versionsOf(
  what: string,
  { version = 1, upcast = {} }: UntypedKindOptions,
): Pick<KindDefinition, "schemaVersion" | "upcasters"> {
  if (!Number.isSafeInteger(version) || version < 1 || version > 1_000) {
    throw invalid(`${what}: version is a whole number from 1 to 1000, not ${version}`);
  }
  const upcasters: ((older: unknown) => unknown)[] = [];
  for (let from = 1; from < version; from++) {
    const upcaster = upcast[from];
    if (typeof upcaster !== "function") {
      throw invalid(
        `${what}: version ${version} needs "upcast" to have a function ${from}, from version ${from} to ${from + 1}`,
      );
    }
    upcasters.push(upcaster);
  }
  const stranger = Object.keys(upcast).find((from) => !(Number(from) >= 1 && Number(from) < version));
  if (stranger !== undefined) {
    throw invalid(
      `${what}: upcast[${stranger}] leads beyond version ${version}; raise "version" to ${Number(stranger) + 1 || "it"}`,
    );
  }
  return { schemaVersion: version, upcasters };
}

function wholeNumber(what: string, name: string, value: number | undefined): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) return value;
  throw invalid(`${what}: limits.${name} is a whole number from 1, not ${String(value)}`);
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", message);
}

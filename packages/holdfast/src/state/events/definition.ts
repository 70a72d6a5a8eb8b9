/** An event-sourced kind with everything resolved, and checked when it is defined. */
import type { StandardSchemaV1 } from "@standard-schema/spec";

import { refuseUnknownNames } from "../../record/option-names.ts";
import { isOfLength } from "../../record/text.ts";
import { defineKind, type KindDefinition } from "../definition.ts";
import { jsonText } from "../json.ts";
import { invalid } from "../refusals.ts";
import type { Duration, KindScope } from "../types.ts";
import type { AnyEvent, EventSourcedLimits, OlderEvent } from "./types.ts";

/** What makes a kind an event-sourced one. */
export type Sourcing = {
  /** A value of its own for each call. */
  readonly initial: () => unknown;
  readonly events: ReadonlyMap<string, StandardSchemaV1>;
  /** By type: from version n to n + 1 at n - 1. */
  readonly upcasters: ReadonlyMap<string, readonly ((older: OlderEvent) => OlderEvent)[]>;
  readonly evolve: (value: unknown, event: AnyEvent) => unknown;
  readonly snapshotEvery: number;
  readonly snapshotVersion: number;
  readonly upcastSnapshot: ((older: unknown, version: number) => unknown) | undefined;
  readonly schema: StandardSchemaV1 | undefined;
  readonly maxEventsKept: number;
};

export type SourcedDefinition = KindDefinition & { readonly sourcing: Sourcing };

/** The options of an event-sourced kind with their types erased. */
export type UntypedEventSourcedOptions = {
  readonly initial: unknown;
  readonly events: Readonly<Record<string, StandardSchemaV1>>;
  readonly evolve: (value: unknown, event: AnyEvent) => unknown;
  readonly snapshotEvery?: number;
  readonly snapshotVersion?: number;
  readonly upcastSnapshot?: (older: unknown, version: number) => unknown;
  readonly schema?: StandardSchemaV1;
  readonly upcast?: Readonly<Record<string, readonly ((older: OlderEvent) => OlderEvent)[]>>;
  readonly scope?: KindScope;
  readonly prefix?: string;
  readonly idle?: Duration;
  readonly absolute?: Duration;
  readonly retain?: Duration;
  readonly limits?: EventSourcedLimits;
  readonly description?: string;
  readonly sealed?: boolean;
};

const ownNames = [
  "initial",
  "events",
  "evolve",
  "snapshotEvery",
  "snapshotVersion",
  "upcastSnapshot",
  "schema",
  "upcast",
];
const sharedNames = ["scope", "prefix", "idle", "absolute", "retain", "limits", "description", "sealed"];

/** The value of a kind without a schema of it: any JSON, and nothing is brought back. */
const anyValue: StandardSchemaV1 = {
  "~standard": { version: 1, vendor: "holdfast", validate: (value) => ({ value }) },
};

/** Throws `INVALID_ARGUMENT` naming the kind, the option and the remedy. */
export function defineEventSourced(name: string, options: UntypedEventSourcedOptions): SourcedDefinition {
  const what = `kind "${name}"`;
  if (typeof options !== "object" || options === null) throw invalid(`${what} needs initial, events and evolve`);
  refuseUnknownNames(what, options, [...ownNames, ...sharedNames]);
  const shared = Object.fromEntries(Object.entries(options).filter(([option]) => sharedNames.includes(option)));
  const definition = defineKind(name, { ...shared, schema: options.schema ?? anyValue });
  const { initial, evolve, upcastSnapshot, snapshotEvery = 100, snapshotVersion = 1 } = options;
  if (initial === undefined)
    throw invalid(`${what}: "initial" is the value before the first event, or a function of it`);
  if (typeof evolve !== "function") throw invalid(`${what}: "evolve" is a function of the value and an event`);
  if (upcastSnapshot !== undefined && typeof upcastSnapshot !== "function") {
    throw invalid(`${what}: "upcastSnapshot" is a function of an older value and its version`);
  }
  const events = eventsOf(what, options.events);
  return {
    ...definition,
    sourcing: {
      initial: initialOf(what, initial),
      events,
      upcasters: upcastersOf(what, options.upcast ?? {}),
      evolve,
      snapshotEvery: wholeNumber(what, "snapshotEvery", snapshotEvery, 1_000),
      snapshotVersion: wholeNumber(what, "snapshotVersion", snapshotVersion, 1_000_000),
      upcastSnapshot,
      schema: options.schema,
      maxEventsKept: options.limits?.maxEventsKept ?? Number.MAX_SAFE_INTEGER,
    },
  };
}

function initialOf(what: string, initial: unknown): () => unknown {
  if (typeof initial === "function") return () => (initial as () => unknown)();
  const text = jsonText(initial, `${what}: initial`, 1_048_576);
  return () => JSON.parse(text) as unknown;
}

function eventsOf(what: string, events: UntypedEventSourcedOptions["events"]): ReadonlyMap<string, StandardSchemaV1> {
  const entries = typeof events === "object" && events !== null ? Object.entries(events) : [];
  if (entries.length === 0) throw invalid(`${what}: "events" has a schema of the payload for each type of event`);
  for (const [type, schema] of entries) {
    if (!isOfLength(type, 128)) throw invalid(`${what}: the name of an event has 1 to 128 characters`);
    if (typeof schema?.["~standard"]?.validate === "function") continue;
    throw invalid(`${what}: events.${type} is not a Standard Schema (zod, valibot, arktype and others make them)`);
  }
  return new Map(entries);
}

function upcastersOf(what: string, upcast: NonNullable<UntypedEventSourcedOptions["upcast"]>): Sourcing["upcasters"] {
  const entries = Object.entries(upcast);
  for (const [type, steps] of entries) {
    if (Array.isArray(steps) && steps.every((step) => typeof step === "function")) continue;
    throw invalid(`${what}: upcast.${type} is a list of functions, the first from version 1 to 2`);
  }
  return new Map(entries);
}

function wholeNumber(what: string, name: string, value: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw invalid(`${what}: ${name} is a whole number from 1 to ${most}, not ${String(value)}`);
}

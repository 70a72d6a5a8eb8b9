import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { z } from "zod";

import { HoldfastError } from "../record/errors.ts";
import type { IndexedFields } from "../record/record.ts";
import type { Channels } from "./channels/types.ts";
import { defineKind, type KindDefinition } from "./definition.ts";
import { type AnyEventSourcedKind, type EventSourcedKind, sourcedDefinitionOf } from "./events/kind.ts";
import type {
  EventInput,
  EventSourcedHandle,
  EventSourcedRecords,
  NamedEventSourced,
  RecordedEvent,
} from "./events/types.ts";
import { handleSchema } from "./handle-schema.ts";
import { refuseOwnName } from "./kind-names.ts";
import type { Locks } from "./leases/types.ts";
import type { Once } from "./once/types.ts";
import type { KindOptions, KindScope, NamedRecords, NoFields, RecordHandle, Records } from "./types.ts";

/** A type of records, made by `kind`. */
export interface Kind<
  Name extends string,
  Schema extends StandardSchemaV1,
  Scope extends KindScope,
  Fields extends IndexedFields = IndexedFields,
> {
  readonly name: Name;
  readonly scope: Scope;
  readonly schema: Schema;
  /**
   * The schema of a handle, for the input of tools: `z.object({ basket: Basket.id })`. Its description tells a model
   * what the handle is, how to get one and how long it lives.
   */
  readonly id: z.ZodString;
  /** The indexed fields of a document, which `find` compares. */
  readonly index?: ((value: never) => Fields) | undefined;
}

/** A kind of records that are documents. */
export type AnyDocumentKind = Kind<string, StandardSchemaV1, KindScope>;

/** A kind of either sort, for functions that take any. */
export type AnyKind = AnyDocumentKind | AnyEventSourcedKind;

/** The caller's records, one property per kind, and the caller's locks. */
export type State<Kinds extends readonly AnyKind[]> = {
  // Kinds whose names are not known have no properties: one for any name would clash with the locks.
  readonly [K in Kinds[number] as string extends K["name"] ? never : K["name"]]: RecordsOf<K>;
} & Locks &
  Once &
  Channels;

/** What a kind's property of the state offers, by its scope. */
export type RecordsOf<K extends AnyKind> =
  K extends Kind<string, infer Schema, infer Scope, infer Fields>
    ? Scope extends "many"
      ? Records<StandardSchemaV1.InferOutput<Schema>, StandardSchemaV1.InferInput<Schema>, Fields>
      : Scope extends "named"
        ? NamedRecords<StandardSchemaV1.InferOutput<Schema>, StandardSchemaV1.InferInput<Schema>, Fields>
        : RecordHandle<StandardSchemaV1.InferOutput<Schema>>
    : K extends EventSourcedKind<string, infer Value, infer Events, infer Scope>
      ? Scope extends "many"
        ? EventSourcedRecords<Value, RecordedEvent<Events>, EventInput<Events>>
        : Scope extends "named"
          ? NamedEventSourced<Value, RecordedEvent<Events>, EventInput<Events>>
          : EventSourcedHandle<Value, RecordedEvent<Events>, EventInput<Events>>
      : never;

/**
 * Defines a kind of records, typed by a Standard Schema. The ids of its records are handles for tools to take and return, as
 * 2026-07-28 `server/tools` advises ("Stateful Tools").
 *
 * The options are checked at once; what is wrong throws `INVALID_ARGUMENT` naming the kind, the option and the remedy.
 * Durations are milliseconds or texts such as `"24h"`.
 *
 * The schema is applied to every document before it is written and after it is read, so it has to accept what it
 * returned before: defaults and `z.coerce.date()` are fine, one-way transforms are not.
 *
 * @example
 * const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }), idle: "24h" });
 */
export function kind<
  const Name extends string,
  Schema extends StandardSchemaV1,
  const Scope extends KindScope = "many",
  Fields extends IndexedFields = NoFields,
>(name: Name, options: KindOptions<Schema, Scope, Fields>): Kind<Name, Schema, Scope, Fields> {
  refuseOwnName(name);
  return new DefinedKind(name, options);
}

/** What the engine made of a kind's options. Throws `INVALID_ARGUMENT` for what neither `kind()` nor `eventSourced()` made. */
export function definitionOf(given: AnyKind): KindDefinition {
  return DefinedKind.definitionOf(given);
}

class DefinedKind<
  Name extends string,
  Schema extends StandardSchemaV1,
  Scope extends KindScope,
  Fields extends IndexedFields,
> implements Kind<Name, Schema, Scope, Fields>
{
  readonly name: Name;
  readonly scope: Scope;
  readonly schema: Schema;
  readonly id: z.ZodString;
  readonly index: ((value: never) => Fields) | undefined;
  readonly #definition: KindDefinition;

  constructor(name: Name, options: KindOptions<Schema, Scope, Fields>) {
    this.#definition = defineKind(name, options);
    this.name = name;
    // Checked by defineKind, which also supplies the default that the type parameter names.
    this.scope = this.#definition.scope as Scope;
    this.schema = options.schema;
    this.index = options.index;
    this.id = handleSchema(this.#definition, options.description);
  }

  static definitionOf(given: AnyKind): KindDefinition {
    if (typeof given === "object" && given !== null) {
      if (#definition in given) return given.#definition;
      const sourced = sourcedDefinitionOf(given);
      if (sourced !== undefined) return sourced;
    }
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      "kinds are made by kind() and eventSourced(); one of those given was not",
    );
  }
}

import type { z } from "zod";

import { handleSchema } from "../handle-schema.ts";
import { refuseOwnName } from "../kind-names.ts";
import type { KindScope } from "../types.ts";
import { defineEventSourced, type SourcedDefinition, type UntypedEventSourcedOptions } from "./definition.ts";
import type { EventSchemas, EventSourcedOptions } from "./types.ts";

/** A type of records whose value is what their events come to, made by `eventSourced`. */
export interface EventSourcedKind<Name extends string, Value, Events extends EventSchemas, Scope extends KindScope> {
  readonly name: Name;
  readonly scope: Scope;
  /** The schema of the payload of each type of event. */
  readonly events: Events;
  /** The value before the first event. */
  readonly initial: () => Value;
  /** The schema of a handle, for the input of tools: `z.object({ workflow: Workflow.id })`. */
  readonly id: z.ZodString;
}

/** An event-sourced kind of any name, value and events. */
export type AnyEventSourcedKind = EventSourcedKind<string, unknown, EventSchemas, KindScope>;

/**
 * Defines a kind of records that are told by their events: each change is an event, appended to the record's log, and the
 * value is what `evolve` makes of all of them. The log is what happened, by whom and when; `at` shows any past value.
 *
 * Snapshots keep reading short however long the log is. They are written with appends, at least every `snapshotEvery`
 * events, and never by hand.
 *
 * The options are checked at once; what is wrong throws `INVALID_ARGUMENT` naming the kind, the option and the remedy.
 *
 * @example
 * const Workflow = eventSourced("workflow", {
 *   initial: { done: [] as string[] },
 *   events: { step_done: z.object({ step: z.string() }) },
 *   evolve: (flow, event) => { flow.done.push(event.payload.step); },
 * });
 */
export function eventSourced<
  const Name extends string,
  Value,
  const Events extends EventSchemas,
  const Scope extends KindScope = "many",
>(name: Name, options: EventSourcedOptions<Value, Events, Scope>): EventSourcedKind<Name, Value, Events, Scope> {
  refuseOwnName(name);
  return new DefinedEventSourced(name, options);
}

/** What the engine made of a kind's options; undefined for what `eventSourced()` did not make. */
export function sourcedDefinitionOf(given: object): SourcedDefinition | undefined {
  return DefinedEventSourced.definitionOf(given);
}

class DefinedEventSourced<Name extends string, Value, Events extends EventSchemas, Scope extends KindScope>
  implements EventSourcedKind<Name, Value, Events, Scope>
{
  readonly name: Name;
  readonly scope: Scope;
  readonly events: Events;
  readonly initial: () => Value;
  readonly id: z.ZodString;
  readonly #definition: SourcedDefinition;

  constructor(name: Name, options: EventSourcedOptions<Value, Events, Scope>) {
    // The engine knows values and events without their types; the faces put them back.
    this.#definition = defineEventSourced(name, options as unknown as UntypedEventSourcedOptions);
    this.name = name;
    // Checked above, where the default that the type parameter names comes from as well.
    this.scope = this.#definition.scope as Scope;
    this.events = options.events;
    this.initial = this.#definition.sourcing.initial as () => Value;
    this.id = handleSchema(this.#definition, options.description);
  }

  static definitionOf(given: object): SourcedDefinition | undefined {
    return #definition in given ? given.#definition : undefined;
  }
}

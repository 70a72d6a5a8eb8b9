/**
 * Events as text: `{ type, payload }`, with `v` (the version of the type's payload) where it is above 1, and `by` where
 * anything is known of who did it. What was written stays; reading brings it into today's shape.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";

import { HoldfastError } from "../../record/errors.ts";
import type { StoredEvent } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";
import { schemaViolation } from "../document.ts";
import { jsonText, parseStored } from "../json.ts";
import { invalid } from "../refusals.ts";
import type { SourcedDefinition } from "./definition.ts";
import type { AnyEvent, EventOrigin, OlderEvent } from "./types.ts";

/** Most events of one append. */
const maxEventsPerAppend = 1_000;

/** What an append asked for, as a list. Throws `INVALID_ARGUMENT` for none and for too many. */
export function eventsGiven(given: unknown): readonly unknown[] {
  const events: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (events.length >= 1 && events.length <= maxEventsPerAppend) return events;
  throw invalid(`an append has 1 to ${maxEventsPerAppend} events, not ${events.length}`);
}

/** Events to be appended, as text. Throws `INVALID_ARGUMENT` with the type, and the path of what is wrong. */
export async function encodeEvents(
  kind: SourcedDefinition,
  events: readonly unknown[],
  by: EventOrigin,
): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const event of events) texts.push(await encodeEvent(kind, event, by));
  return texts;
}

async function encodeEvent(kind: SourcedDefinition, given: unknown, by: EventOrigin): Promise<string> {
  if (typeof given !== "object" || given === null) throw invalid(`an event of a ${kind.name} is { type, payload }`);
  const { type, payload = {} } = given as { readonly type?: unknown; readonly payload?: unknown };
  const schema = typeof type === "string" ? kind.sourcing.events.get(type) : undefined;
  if (typeof type !== "string" || schema === undefined) {
    const known = [...kind.sourcing.events.keys()].join(", ");
    throw invalid(`a ${kind.name} has no event ${JSON.stringify(type) ?? "without type"}; its events are ${known}`);
  }
  const checked = await schema["~standard"].validate(payload);
  if (checked.issues !== undefined) throw schemaViolation(`event "${type}"`, checked.issues);
  const version = versionOf(kind, type);
  const rest = JSON.stringify({ type, ...(version > 1 && { v: version }), ...(hasOrigin(by) && { by }) });
  const room = Math.max(kind.maxEventBytes - utf8Length(rest) - 12, 0);
  return `${rest.slice(0, -1)},"payload":${jsonText(checked.value, `the event "${type}"`, room)}}`;
}

function hasOrigin(by: EventOrigin): boolean {
  return Object.values(by).some((part) => part !== undefined);
}

function versionOf({ sourcing }: SourcedDefinition, type: string): number {
  return (sourcing.upcasters.get(type)?.length ?? 0) + 1;
}

type Written = {
  readonly type: string;
  readonly payload: unknown;
  readonly v?: number;
  readonly by?: EventOrigin;
};

/** An event as written, before it is brought into today's shape. */
export function parseEvent({ position, data }: StoredEvent): Written {
  // Written by `encodeEvent`.
  return parseStored(data, `event ${position}`) as Written;
}

/** Throws `SCHEMA_MISMATCH` naming the type and the remedy, and never any content. */
export async function decodeEvent(
  kind: SourcedDefinition,
  stored: StoredEvent,
  written: Written = parseEvent(stored),
): Promise<AnyEvent> {
  const { type, payload } = upcast(kind, stored.position, written);
  const schema = kind.sourcing.events.get(type);
  if (schema === undefined) {
    throw mismatch(
      kind,
      stored.position,
      type,
      "this program has no such event; add it, or an upcaster that makes another of it",
    );
  }
  const pending = schema["~standard"].validate(payload);
  const checked: StandardSchemaV1.Result<unknown> = pending instanceof Promise ? await pending : pending;
  if (checked.issues !== undefined) {
    throw mismatch(kind, stored.position, type, "its schema does not accept it; add an upcaster");
  }
  return {
    type,
    payload: checked.value,
    position: stored.position,
    at: new Date(stored.at),
    by: written.by ?? {},
  };
}

function upcast(kind: SourcedDefinition, position: number, { type, payload, v = 1 }: Written): OlderEvent {
  const steps = kind.sourcing.upcasters.get(type) ?? [];
  if (v > steps.length + 1) {
    throw mismatch(kind, position, type, `it was written as version ${v}, and this program knows ${steps.length + 1}`);
  }
  let event: OlderEvent = { type, payload };
  for (const [index, step] of steps.slice(v - 1).entries()) {
    try {
      event = step(event);
    } catch {
      // The upcaster's own error may quote the event, so it goes no further.
      throw mismatch(kind, position, type, `the upcaster from version ${v + index} failed`);
    }
    // What became of another type is of today: that type's own upcasters are not for it.
    if (event.type !== type) break;
  }
  return event;
}

function mismatch(kind: SourcedDefinition, position: number, type: string, why: string): HoldfastError {
  return new HoldfastError(
    "SCHEMA_MISMATCH",
    `event ${position} ("${type}") of a ${kind.name} cannot be read: ${why}`,
    {
      details: { kind: kind.name, position, type },
    },
  );
}

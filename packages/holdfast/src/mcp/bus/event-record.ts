/**
 * Change events as they lie in the store: one record per addressee (an owner, or everybody) with the stream `events`,
 * the newest few of them. It is made by who wants to hear, and nothing is written where it is missing: a server whose
 * clients listen to nothing announces into no store.
 */
import type { ServerEvent } from "@modelcontextprotocol/server";

import type { Change } from "../../record/change.ts";
import { ownerOf } from "../../record/ids.ts";
import type { Owner, Position, RecordKey } from "../../record/record.ts";
import { engineIssuer } from "../../security/principal.ts";
import { isObject } from "../is-object.ts";

export const eventStream = "events";
/** Events kept for who was away. */
export const maxEvents = 256;
/** Counts those who ever wanted to hear of resources: where it is nothing, updates of resources are not written. */
const resourceCounter = "resources";

const key: RecordKey = { kind: "holdfast.events", id: "events" };
/** Longer than any session lives by default; whoever listens slides it. */
const lifetime = { idleMs: 30 * 24 * 3_600_000 };

/** Whom events are for: one owner, or everybody. */
export type Addressee = Owner | undefined;

const everybody: Owner = ownerOf({ issuer: engineIssuer, subject: "events" });

/** The partition that the events for somebody lie in. */
export function partitionOf(addressee: Addressee): Owner {
  return addressee ?? everybody;
}

export const eventKey: RecordKey = key;

/** Makes the record, or keeps it; and has updates of resources written, if they are wanted. */
export function wanting(resources: boolean): Change {
  return {
    ...key,
    expect: "any",
    create: { text: "{}", lifetime },
    slide: true,
    // Adds nothing where it is there already.
    counters: [{ name: resourceCounter, by: resources ? 1 : 0 }],
    appends: [{ stream: eventStream, data: [] }],
  };
}

/** Whether updates of resources were not written before this commit of `wanting(true)`. */
export function isFirstToWant(counters: ReadonlyMap<string, number>): boolean {
  return counters.get(resourceCounter) === 1;
}

/** Adds events. Refused where nobody ever wanted them. */
export function announcing(data: readonly string[], onlyResources: boolean): Change {
  return {
    ...key,
    expect: "present",
    appends: [{ stream: eventStream, data, keep: maxEvents }],
    ...(onlyResources && { counters: [{ name: resourceCounter, by: 0, min: 1 }] }),
  };
}

export type Announced = { readonly position: Position; readonly node: string; readonly event: ServerEvent };

/** Longer ones go without their parameters, which say nothing that reading the resource would not. */
const maxLength = 8_192;

export function writeEvent(node: string, event: ServerEvent): string {
  const text = JSON.stringify([node, event]);
  return text.length <= maxLength ? text : JSON.stringify([node, { ...event, params: undefined }]);
}

/** Undefined for text of another shape, which a later version may have written. */
export function readEvent(text: string): { readonly node: string; readonly event: ServerEvent } | undefined {
  const parts: unknown = JSON.parse(text);
  if (!Array.isArray(parts)) return undefined;
  // An array of anything is one of unknown things.
  const [node, event] = parts as readonly unknown[];
  return typeof node === "string" && isEvent(event) ? { node, event } : undefined;
}

const listEvents: ReadonlySet<unknown> = new Set<ServerEvent["kind"]>([
  "tools_list_changed",
  "prompts_list_changed",
  "resources_list_changed",
]);

function isEvent(value: unknown): value is ServerEvent {
  if (!isObject(value)) return false;
  const { kind, uri } = value;
  return listEvents.has(kind) || (kind === "resource_updated" && typeof uri === "string");
}

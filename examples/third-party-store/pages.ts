/** Events of a record, as pages and tails. */
import { type EventsOptions, type StoredEvent, type Tail, utf8Length } from "holdfast/contract";

import type { Held } from "./state.ts";

type Range = Pick<EventsOptions, "after" | "before" | "limit" | "maxBytes" | "order">;

export function pageOf(
  held: Held,
  stream: string,
  range: Range,
): { readonly events: readonly StoredEvent[]; readonly more: boolean } {
  const { after = 0, before = Number.POSITIVE_INFINITY, limit, maxBytes, order } = range;
  const inRange = (held.events.get(stream) ?? []).filter(({ position }) => position > after && position < before);
  const events: StoredEvent[] = [];
  let bytes = 0;
  for (const event of order === "newest" ? inRange.reverse() : inRange) {
    const isFull = events.length >= limit || (maxBytes !== undefined && bytes >= maxBytes && events.length > 0);
    if (isFull) return { events, more: true };
    events.push(event);
    bytes += utf8Length(event.data);
  }
  return { events, more: false };
}

export function tailOf(held: Held, { stream, after, limit, maxBytes }: Tail): readonly StoredEvent[] {
  if (typeof after === "object") {
    const most = Math.min(after.last, limit);
    return pageOf(held, stream, { limit: most, maxBytes, order: "newest" }).events.toReversed();
  }
  const from = after === "document" ? held.state.documentPosition : after;
  return pageOf(held, stream, { after: from, limit, maxBytes }).events;
}

import { HoldfastError } from "../record/errors.ts";
import type { StoredEvent, StreamHead } from "../record/record.ts";
import type { EventsPage } from "./contract.ts";

/** Where a stream stands, and the positions that were asked for, both included. */
export type Asked = StreamHead & { readonly incarnation: number; readonly low: number; readonly high: number };

/**
 * A page of what was found. Throws `STORE_CORRUPT` where there have to be events and none was found: whoever reads on until
 * nothing is left would ask for them for ever.
 */
export function eventsPage({ head, first, incarnation, low, high }: Asked, events: readonly StoredEvent[]): EventsPage {
  const more = events.length < high - low + 1;
  if (more && events.length === 0) {
    throw new HoldfastError(
      "STORE_CORRUPT",
      `a stream that stands at ${head} has lost its events from ${low} to ${high}; restore a backup`,
      { details: { head, first, low, high } },
    );
  }
  return { head, first, incarnation, events, more };
}

/** What readers ask. Each is one script, and so one consistent state. */
import { listingScope, openCursor, sealCursor } from "../../record/cursor.ts";
import { matchesFields } from "../../record/fields.ts";
import { isEngineKind } from "../../record/ids.ts";
import type { Owner, RecordKey, RecordSummary } from "../../record/record.ts";
import type { EventsOptions, EventsPage, ListOptions, ListPage, Usage } from "../../store/contract.ts";
import type { Client } from "./client.ts";
import type { Keys } from "./keys.ts";
import { eventsOf, summaryOf, type WireRecord } from "./rows.ts";
import { indexArgument, keyArgument, mapFromFlat, optional, type Wide } from "./wire.ts";

/** What every question takes. */
export type Asking = {
  readonly client: Client;
  readonly keys: Keys;
  /** The clock, as the scripts take it. */
  readonly clock: string;
};

type Flat = readonly (string | number)[];

export async function readEvents(
  { client, keys, clock }: Asking,
  owner: Owner,
  key: RecordKey,
  stream: string,
  { after = 0, before, limit, maxBytes, order = "oldest" }: EventsOptions,
): Promise<EventsPage | undefined> {
  const answer = await client.run(
    "events",
    [keys.ofOwner(owner)[0]],
    [clock, keyArgument(key), stream, String(after), optional(before), String(limit), optional(maxBytes), order],
  );
  if (answer === null) return undefined;
  const [incarnation, head, first, more, events] = answer as readonly [Wide, Wide, Wide, number, Flat];
  return {
    incarnation: Number(incarnation),
    head: Number(head),
    first: Number(first),
    more: more === 1,
    events: eventsOf(events),
  };
}

/** Most calls for one page: what is not found by then is looked for on the next. */
const maxCallsPerPage = 5;

export async function listRecords(
  { client, keys, clock }: Asking,
  cursorKey: Uint8Array,
  owner: Owner,
  kind: string,
  { after, limit, order, where = {} }: ListOptions,
): Promise<ListPage> {
  const [hash, listed] = keys.ofOwner(owner);
  const scope = listingScope(owner, kind);
  const wanted = indexArgument(where);
  // Whichever field comes first leads to those that have its value; the others are looked at there.
  const prefix = wanted === "" ? `${kind}/` : `#${kind}/${wanted.slice(0, 12)}/`;
  let from: string | null = after === undefined ? "" : memberAt(prefix, openCursor(cursorKey, scope, after), order);
  const found: { readonly member: string; readonly summary: RecordSummary }[] = [];
  let at = 0;
  for (let call = 0; from !== null && found.length <= limit && call < maxCallsPerPage; call += 1) {
    const args = [clock, prefix, from, order, String(limit + 1 - found.length), wanted];
    const answer = await client.run("list", [hash, listed], args);
    const [now, records, goOn] = answer as readonly [number, readonly (readonly [string, WireRecord])[], string | null];
    for (const [member, record] of records) found.push({ member, summary: summaryOf(record) });
    at = now;
    from = goOn;
  }
  const page = found.slice(0, limit);
  // Where all were looked at that one call may look at, the page ends there and the next goes on.
  const last = found.length > limit ? (page.at(-1)?.member ?? null) : from;
  return {
    at,
    records: page.map(({ summary }) => summary).filter(({ fields }) => matchesFields(fields, where)),
    ...(last !== null && { next: sealCursor(cursorKey, scope, placeOf(last)) }),
  };
}

const placeDigits = 16;

/** Where a listing goes on: behind whatever has this place. */
function memberAt(prefix: string, place: number, order: "oldest" | "newest"): string {
  // An id's characters all lie between these two.
  return `${prefix}${String(place).padStart(placeDigits, "0")}/${order === "oldest" ? "~" : ""}`;
}

function placeOf(member: string): number {
  return Number(member.split("/").at(-2));
}

export async function readUsage({ client, keys, clock }: Asking, owner: Owner): Promise<Usage> {
  const [hash, listed, expiring] = keys.ofOwner(owner);
  const answer = await client.run("usage", [hash, listed, expiring], [clock]);
  const [bytes, flat] = answer as readonly [number, Flat];
  // The engine's own kinds count for nothing but bytes.
  const kinds = [...mapFromFlat(flat)].filter(([kind]) => !isEngineKind(kind));
  return { records: kinds.reduce((sum, [, count]) => sum + count, 0), bytes, byKind: Object.fromEntries(kinds) };
}

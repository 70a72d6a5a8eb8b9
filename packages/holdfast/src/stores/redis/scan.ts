/** Looking at everything of everybody, bucket by bucket and owner by owner. */
import { openCursor, ownerScanScope, sealCursor } from "../../record/cursor.ts";
import type { Owner } from "../../record/record.ts";
import type {
  OwnedSummary,
  OwnersOptions,
  OwnersPage,
  ScanOptions,
  ScanPage,
  StoreStats,
} from "../../store/contract.ts";
import { bucketOf, bucketsFrom } from "./keys.ts";
import type { Owners } from "./owners.ts";
import { openPlace, sealPlace } from "./place.ts";
import type { Asking } from "./queries.ts";
import { summaryOf, type WireRecord } from "./rows.ts";

const ownersAtOnce = 100;
const bucketsAtOnce = 32;

type Scanned = { readonly place: number; readonly record: OwnedSummary };

export async function scanOwner(
  asking: Asking,
  cursorKey: Uint8Array,
  owner: Owner,
  { after, limit, kind }: ScanOptions,
): Promise<ScanPage> {
  const scope = ownerScanScope(owner);
  const from = after === undefined ? 0 : openCursor(cursorKey, scope, after);
  const { at, found } = await lookAt(asking, owner, kind, from, limit + 1);
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  const next = last === undefined ? {} : { next: sealCursor(cursorKey, scope, last.place) };
  return { at, records: page.map(({ record }) => record), ...next };
}

export async function scanAll(asking: Asking, owners: Owners, { after, limit, kind }: ScanOptions): Promise<ScanPage> {
  const [startOwner, startPlace] = after === undefined ? [undefined, "0"] : openPlace(after, 1);
  const found: Scanned[] = [];
  // An answer needs a time even where there is nobody.
  let at = Date.now();
  for await (const owner of ownersFrom(owners, startOwner)) {
    const from = owner === startOwner ? Number(startPlace) : 0;
    const page = await lookAt(asking, owner, kind, from, limit + 1 - found.length);
    at = page.at;
    found.push(...page.found);
    if (found.length <= limit) continue;
    const records = found.slice(0, limit);
    const last = records.at(-1);
    const next = last === undefined ? {} : { next: sealPlace([last.record.owner, String(last.place)]) };
    return { at, records: records.map(({ record }) => record), ...next };
  }
  return { at, records: found.map(({ record }) => record) };
}

export async function statsOfAll(asking: Asking, owners: Owners): Promise<StoreStats> {
  const total = { records: 0, owners: 0, events: 0, bytes: 0 };
  for await (const known of knownFrom(asking, owners, undefined)) {
    const [records, events, bytes] = known.stats;
    total.records += records;
    total.events += events;
    total.bytes += bytes;
    if (records > 0) total.owners += 1;
  }
  return total;
}

export async function pageOfOwners(asking: Asking, owners: Owners, options: OwnersOptions): Promise<OwnersPage> {
  const { after, limit } = options;
  const found: Owner[] = [];
  for await (const { owner } of knownFrom(asking, owners, after)) {
    if (owner === after) continue;
    if (found.length === limit) return { owners: found, next: found.at(-1) };
    found.push(owner);
  }
  return { owners: found };
}

async function lookAt(
  { client, keys, clock }: Asking,
  owner: Owner,
  kind: string | undefined,
  from: number,
  limit: number,
): Promise<{ readonly at: number; readonly found: readonly Scanned[] }> {
  const [hash, listed] = keys.ofOwner(owner);
  const answer = await client.run("scan", [hash, listed], [clock, kind ?? "", String(from), String(limit)]);
  const [at, records] = answer as readonly [number, readonly (readonly [number, WireRecord])[]];
  return { at, found: records.map(([place, record]) => ({ place, record: { ...summaryOf(record), owner } })) };
}

type Known = { readonly owner: Owner; readonly stats: readonly [records: number, events: number, bytes: number] };

/** Owners that anything is known of, from one of them on. Others are registered, and never got as far as a commit. */
async function* knownFrom(asking: Asking, owners: Owners, from: string | undefined): AsyncGenerator<Known> {
  for await (const page of pagesFrom(owners, from)) {
    if (page.length === 0) continue;
    const { client, keys } = asking;
    const answers = await Promise.all(page.map((owner) => client.run("stats", [keys.ofOwner(owner)[0]], [])));
    for (const [index, owner] of page.entries()) {
      const stats = answers[index] as Known["stats"] | null | undefined;
      if (stats) yield { owner, stats };
    }
  }
}

/** The owner named, and all that come after it. */
async function* ownersFrom(owners: Owners, from: string | undefined): AsyncGenerator<Owner> {
  // It is where the page before ended; a string becomes an owner because it was one then.
  if (from !== undefined) yield from as Owner;
  for await (const page of pagesFrom(owners, from)) yield* page;
}

async function* pagesFrom(owners: Owners, from: string | undefined): AsyncGenerator<readonly Owner[]> {
  const buckets = bucketsFrom(0).slice(from === undefined ? 0 : bucketOf(from));
  for (let index = 0; index < buckets.length; index += bucketsAtOnce) {
    const group = buckets.slice(index, index + bucketsAtOnce);
    const startOf = (bucket: number): string => (from !== undefined && bucket === bucketOf(from) ? from : "");
    const pages = await Promise.all(group.map((bucket) => owners.page(bucket, startOf(bucket), ownersAtOnce)));
    for (const [nth, bucket] of group.entries()) {
      let page = pages[nth] ?? [];
      yield page;
      while (page.length === ownersAtOnce) {
        page = await owners.page(bucket, page.at(-1) ?? "", ownersAtOnce);
        yield page;
      }
    }
  }
}

/** A record as it lies in the cache. */
import type { StoredRecord } from "../../record/record.ts";

export type Entry = {
  readonly record: StoredRecord;
  /** PostgreSQL's clock when it answered with it. */
  readonly at: number;
  /** How far the store's clock was ahead of PostgreSQL's then; only in tests is it. */
  readonly aheadMs: number;
};

/** The maps of a record as lists. */
type Flat = Omit<StoredRecord, "counters" | "streams"> & {
  readonly counters: readonly (readonly [string, number])[];
  readonly streams: readonly (readonly [string, { readonly head: number; readonly first: number }])[];
};

export function entryToText({ record, at, aheadMs }: Entry): string {
  const flat: Flat = { ...record, counters: [...record.counters], streams: [...record.streams] };
  return JSON.stringify([at, aheadMs, flat]);
}

/** Undefined for what is no entry of this release. */
export function entryFromText(text: string): Entry | undefined {
  try {
    // Only this file writes such text, under a prefix that says so.
    const [at, aheadMs, flat] = JSON.parse(text) as readonly [number, number, Flat];
    // JSON leaves out what is undefined; a record has these all the same.
    const { deadlineAt, expiresAt, endedAt } = flat;
    const [counters, streams] = [new Map(flat.counters), new Map(flat.streams)];
    return { at, aheadMs, record: { ...flat, deadlineAt, expiresAt, endedAt, counters, streams } };
  } catch {
    return undefined;
  }
}

/**
 * One principal's bucket as every node sees it: a record of the engine's in the principal's own partition. Its counter
 * `spent` says how many calls were given out since the record was made; how many may have been follows from the store's
 * clock. Nodes only ever add to the counter, which never conflicts, and the store refuses what would go beyond.
 *
 * Left alone for two minutes the record expires: the bucket would be full, which is what it is when there is no record.
 * Its id names the rate, so that nodes of two settings, while one is rolled out, do not fill one bucket at two speeds.
 */
import type { Change } from "../../record/change.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Owner, RecordKey } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";

const rateKind = "holdfast.rate";
const counter = "spent";
const minuteMs = 60_000;
const idleMs = 120_000;
const attempts = 16;
const deadlineMs = 5_000;

export type Leased = {
  /** None where there was none. */
  readonly tokens: number;
  /** Until there is one more than was given out. */
  readonly waitMs: number;
};

/**
 * Takes up to so many calls out of the bucket. Throws `UNAVAILABLE` where others came first again and again, and what
 * the store throws.
 */
export async function leaseFrom(
  store: Pick<Store, "read" | "commit">,
  owner: Owner,
  perMinute: number,
  wanted: number,
): Promise<Leased> {
  const key: RecordKey = { kind: rateKind, id: `calls-${perMinute}` };
  const signal = AbortSignal.timeout(deadlineMs);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { record, at } = await store.read(owner, key, { signal });
    const spent = record?.counters.get(counter) ?? 0;
    const elapsedMs = record === undefined ? 0 : Math.max(0, at - record.createdAt);
    const allowed = perMinute + (elapsedMs * perMinute) / minuteMs;
    // What nobody spent runs over: a bucket holds a minute's calls.
    const excess = Math.max(0, Math.floor(allowed) - spent - perMinute);
    const tokens = Math.min(wanted, Math.floor(allowed) - spent - excess);
    if (tokens < 1) return { tokens: 0, waitMs: ((spent + 1 - allowed) * minuteMs) / perMinute };
    const by = tokens + excess;
    // What runs over is poured out once: by whoever still finds the counter as it was read.
    const max = excess > 0 ? spent + by : Math.floor(allowed);
    const committed = await store.commit(owner, [spending(key, by, max)], { signal });
    if (committed.ok) return { tokens, waitMs: Math.max(0, ((spent + by + 1 - allowed) * minuteMs) / perMinute) };
    if (committed.refusal.reason !== "bounds") break;
  }
  throw new HoldfastError("UNAVAILABLE", "the calls of a principal could not be counted: too many nodes at once");
}

function spending(key: RecordKey, by: number, max: number): Change {
  const create = { text: "{}", lifetime: { idleMs } };
  return { ...key, expect: "any", create, slide: true, counters: [{ name: counter, by, max }] };
}

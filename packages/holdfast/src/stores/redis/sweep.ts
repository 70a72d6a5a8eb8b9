/**
 * A sweep: owners that are due are claimed bucket by bucket, so that several sweeps at once share the work, and each is
 * swept by one script call. What was removed or closed has to be told, so a failure on the way ends a sweep early rather than the
 * call; an owner who cannot be read holds nobody else's sweep up. Where there is nothing to tell, the failure is told.
 */
import { isHoldfastError } from "../../record/errors.ts";
import type { Owner } from "../../record/record.ts";
import type { ReapAnswer, ReapedRecord, ReapOptions } from "../../store/contract.ts";
import { unavailable } from "./failures.ts";
import { bucketsFrom } from "./keys.ts";
import type { Owners } from "./owners.ts";
import type { Asking } from "./queries.ts";
import { fieldsOf, keyOf } from "./rows.ts";
import type { Wide } from "./wire.ts";

/** One script call removes and closes no more than this, so that nobody waits long for it. */
const recordsPerCall = 100;
const ownersPerClaim = 20;
/** Until when an owner is left to whoever claimed it. */
const leaseMs = 30_000;

type Removed = ReapAnswer["removed"][number];
/** As `reap` in `scripts/upkeep.ts` answers it. */
type WireRemoved = readonly [key: string, why: number, fields: string, livedMs: Wide];
type WireClosed = readonly [key: string, fields: string, livedMs: Wide];

export async function sweep(asking: Asking, owners: Owners, { limit, signal }: ReapOptions): Promise<ReapAnswer> {
  const now = await serverTime(asking);
  const progress: Progress = { removed: [], closed: [], limit, now, more: false, failure: undefined };
  try {
    await sweepAll(asking, owners, progress, signal);
  } catch (error) {
    progress.failure ??= errorOf(error);
    progress.more = true;
  }
  const { removed, closed, more, failure } = progress;
  if (failure !== undefined && removed.length + closed.length === 0) throw failure;
  return { removed, closed, more };
}

type Progress = {
  readonly removed: Removed[];
  readonly closed: ReapedRecord[];
  readonly limit: number;
  readonly now: number;
  more: boolean;
  /** The first of them. */
  failure: Error | undefined;
};

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : unavailable("a sweep failed", thrown);
}

async function sweepAll(
  asking: Asking,
  owners: Owners,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { now } = progress;
  for (const group of groupsOfBuckets()) {
    const claimed = await Promise.all(group.map((bucket) => owners.claim(bucket, now, ownersPerClaim, leaseMs)));
    if (claimed.some((due) => due.length === ownersPerClaim)) progress.more = true;
    for (const owner of claimed.flat()) {
      if (signal?.aborted === true || roomOf(progress) <= 0) {
        progress.more = true;
        await owners.lookAt(owner, now, now);
        continue;
      }
      try {
        if (await sweepOwner(asking, owners, owner, progress)) progress.more = true;
      } catch (error) {
        if (!isHoldfastError(error, "STORE_CORRUPT")) throw error;
        progress.failure ??= errorOf(error);
      }
    }
    if (signal?.aborted === true || (roomOf(progress) <= 0 && progress.more)) return;
  }
}

/** Answers whether something of the owner is still due. */
async function sweepOwner(
  { client, keys, clock }: Asking,
  owners: Owners,
  owner: Owner,
  progress: Progress,
): Promise<boolean> {
  const { removed, closed, now } = progress;
  const most = Math.min(recordsPerCall, roomOf(progress));
  const answer = await client.run("reap", keys.ofOwner(owner), [clock, String(most)]);
  const [gone, over, next, isDue] = answer as readonly [readonly WireRemoved[], readonly WireClosed[], string, number];
  const told = (key: string, fields: string, lived: Wide): ReapedRecord => {
    return { owner, ...keyOf(key), fields: fieldsOf(fields), livedMs: Number(lived) };
  };
  for (const [key, why, fields, lived] of gone) {
    removed.push({ ...told(key, fields, lived), cause: why === 1 ? "ended" : "expired", closed: why === 2 });
  }
  for (const [key, fields, lived] of over) closed.push(told(key, fields, lived));
  if (next !== "") await owners.lookAt(owner, Number(next), now);
  return isDue === 1;
}

/** How many records may still be removed or closed. */
function roomOf({ removed, closed, limit }: Progress): number {
  return limit - removed.length - closed.length;
}

/** All buckets, some at a time, beginning anywhere: sweeps of several nodes then rarely meet. */
function groupsOfBuckets(): readonly (readonly number[])[] {
  const buckets = bucketsFrom(Math.floor(Math.random() * 256));
  return Array.from({ length: 8 }, (_, index) => buckets.slice(index * 32, (index + 1) * 32));
}

async function serverTime({ client, keys, clock }: Asking): Promise<number> {
  const ms = Number(clock.slice(1));
  if (clock.startsWith("@")) return ms;
  const [seconds, micros] = (await client.ask(keys.settings, ["TIME"])) as readonly string[];
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000) + ms;
}

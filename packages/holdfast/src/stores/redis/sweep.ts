/**
 * A sweep: owners that are due are claimed bucket by bucket, so that several sweeps at once share the work, and each is
 * swept by one script call.
 */
import type { Owner } from "../../record/record.ts";
import type { ReapAnswer, ReapOptions } from "../../store/contract.ts";
import { bucketsFrom } from "./keys.ts";
import type { Owners } from "./owners.ts";
import type { Asking } from "./queries.ts";
import { fieldsOf, keyOf } from "./rows.ts";

/** One script call removes no more than this, so that nobody waits long for it. */
const recordsPerCall = 100;
const ownersPerClaim = 20;
/** Until when an owner is left to whoever claimed it. */
const leaseMs = 30_000;

type Removed = ReapAnswer["removed"][number];

export async function sweep(asking: Asking, owners: Owners, { limit, signal }: ReapOptions): Promise<ReapAnswer> {
  const removed: Removed[] = [];
  const now = await serverTime(asking);
  let more = false;
  for (const group of groupsOfBuckets()) {
    const claimed = await Promise.all(group.map((bucket) => owners.claim(bucket, now, ownersPerClaim, leaseMs)));
    if (claimed.some((due) => due.length === ownersPerClaim)) more = true;
    for (const owner of claimed.flat()) {
      const isOver = signal?.aborted === true || removed.length >= limit;
      if (isOver || (await sweepOwner(asking, owners, owner, { removed, limit, now }))) more = true;
      if (isOver) await owners.lookAt(owner, now, now);
    }
    if (signal?.aborted === true || (removed.length >= limit && more)) return { removed, more };
  }
  return { removed, more };
}

type Progress = { readonly removed: Removed[]; readonly limit: number; readonly now: number };

/** Answers whether something of the owner is still due. */
async function sweepOwner(
  { client, keys, clock }: Asking,
  owners: Owners,
  owner: Owner,
  { removed, limit, now }: Progress,
): Promise<boolean> {
  const most = Math.min(recordsPerCall, limit - removed.length);
  const answer = await client.run("reap", keys.ofOwner(owner), [clock, String(most)]);
  const [gone, next, isDue] = answer as readonly [readonly (readonly [string, number, string])[], string, number];
  for (const [key, ended, fields] of gone) {
    removed.push({ owner, ...keyOf(key), cause: ended === 1 ? "ended" : "expired", fields: fieldsOf(fields) });
  }
  if (next !== "") await owners.lookAt(owner, Number(next), now);
  return isDue === 1;
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

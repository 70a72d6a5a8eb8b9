/**
 * A lease is a record whose version is its token.
 *
 *     absent ──acquire──> live at version t ──renew (same t)──> live at t ──release, or time──> absent
 *        ^                                                                                        │
 *        └────────────── the next one is live at a version above t, for ever ────────────────────┘
 *
 * Nothing else is needed: versions are never reused for an id, not even after its end, its reaping or a restart, so
 * tokens only grow; and a commit that names a lease's version as its fence is decided together with the lease itself.
 */
import type { Change } from "../../record/change.ts";
import type { Owner, RecordKey, Version } from "../../record/record.ts";
import { type Applied, firstResult } from "../applied.ts";
import type { Engine } from "../engine.ts";
import { refusalError } from "../refusals.ts";

/** What is leased: the address of the lease, and what its record says of itself. */
export type Leasehold = {
  readonly owner: Owner;
  readonly key: RecordKey;
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
};

export type Grant = {
  readonly token: Version;
  /** Milliseconds since the epoch by the store's clock. */
  readonly expiresAt: number;
  /** What the changes that came along were answered. */
  readonly applied: Applied;
};

/** Counts who began to wait while a lease was held, so that its holder learns of it without asking. */
const waitersCounter = "holdfast.waiters";

/**
 * Takes the lease, together with other changes of the same owner, all or nothing. Undefined if somebody holds it.
 * Throws what refuses the other changes.
 */
export async function acquire(
  engine: Engine,
  { owner, key, text, fields }: Leasehold,
  ttlMs: number,
  also: readonly Change[],
  signal: AbortSignal | undefined,
): Promise<Grant | undefined> {
  const taking: Change = { ...key, expect: "absent", create: { text, fields, lifetime: { absoluteMs: ttlMs } } };
  const quota = { records: engine.limits.maxRecords, bytes: engine.limits.maxBytes };
  const committed = await engine.commit(owner, [taking, ...also], { quota, signal });
  if (committed.ok) return grantOf(committed, ttlMs);
  const { refusal } = committed;
  if (refusal.reason === "version" && refusal.index === 0) return undefined;
  throw refusalError(refusal);
}

function grantOf(applied: Applied, ttlMs: number): Grant {
  const { version, expiresAt = applied.at + ttlMs } = firstResult(applied);
  return { token: version, expiresAt, applied };
}

/** Starts the lease's time anew. Undefined, and nothing changed, unless it stands at the token. */
export async function renew(
  engine: Engine,
  { owner, key }: Leasehold,
  token: Version,
  ttlMs: number,
  signal: AbortSignal | undefined,
): Promise<Grant | undefined> {
  const change: Change = { ...key, expect: token, lifetime: { absoluteMs: ttlMs } };
  const committed = await engine.commit(owner, [change], { signal });
  if (committed.ok) return grantOf(committed, ttlMs);
  if (committed.refusal.reason === "version") return undefined;
  throw refusalError(committed.refusal);
}

/**
 * Gives the lease back, and wakes who waits for it. False, and nothing changed, unless it stands at the token.
 */
export async function release(engine: Engine, hold: Leasehold, token: Version, signal?: AbortSignal): Promise<boolean> {
  const { crowded } = engine.leases;
  const address = addressOf(hold);
  const { released, hadWaiters } = await giveBack(engine, hold, token, signal);
  if (hadWaiters) crowded.set(address, true);
  if (crowded.has(address)) engine.leases.wake(hold.key.id);
  return released;
}

async function giveBack(
  engine: Engine,
  { owner, key }: Leasehold,
  token: Version,
  signal: AbortSignal | undefined,
): Promise<{ readonly released: boolean; readonly hadWaiters: boolean }> {
  const change: Change = { ...key, expect: token, end: true, counters: [{ name: waitersCounter, by: 0 }] };
  const committed = await engine.commit(owner, [change], { signal });
  if (committed.ok) {
    return { released: true, hadWaiters: (firstResult(committed).counters.get(waitersCounter) ?? 0) > 0 };
  }
  if (committed.refusal.reason === "version") return { released: false, hadWaiters: false };
  throw refusalError(committed.refusal);
}

/** Tells the holder, when it releases, that somebody waits. */
export function waiting({ key }: Leasehold): Change {
  return { ...key, expect: "present", counters: [{ name: waitersCounter, by: 1 }] };
}

/** The name of a lease among all in this process: for queues, never for logs. */
export function addressOf({ owner, key }: Leasehold): string {
  return `${owner}/${key.kind}/${key.id}`;
}

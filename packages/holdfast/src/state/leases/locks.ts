/** Locks of one owner, by name. What of it is for whom is in `types.ts`. */

import { abortedBy } from "../../record/abort.ts";
import type { Change } from "../../record/change.ts";
import { HoldfastError } from "../../record/errors.ts";
import { idOfName } from "../../record/ids.ts";
import type { Owner, RecordKey } from "../../record/record.ts";
import type { CommitOptions } from "../../store/contract.ts";
import type { Engine } from "../engine.ts";
import { checkLock } from "../method-options.ts";
import { contention, invalid } from "../refusals.ts";
import { checkTtl, checkWait } from "./duration.ts";
import { addressOf, type Leasehold, release } from "./lease.ts";
import { acquireInTurn } from "./line.ts";
import { HeldLock } from "./lock.ts";
import type { Fence, Lock, LockedWork, LockOptions, Locks } from "./types.ts";

/** The kind of the records that locks are. */
const lockKind = "lock";
const maxNameLength = 256;
const defaultTtlMs = 30_000;

/** Throws `CONTENTION` if the lock cannot be had within `waitMs`. `also` are changes that have to come with it. */
async function takeLock(
  engine: Engine,
  owner: Owner,
  name: string,
  options: LockOptions,
  also?: readonly Change[],
): Promise<Lock> {
  checkLock("lock", options);
  const { ttlMs = defaultTtlMs, waitMs = 0, signal } = options;
  checkTtl(ttlMs);
  checkWait(waitMs);
  const hold = leaseholdOf(owner, name);
  const grant = await acquireInTurn(engine, hold, { ttlMs, waitMs, also, signal });
  if (grant === undefined) {
    throw contention(waitMs === 0 ? "somebody holds this lock" : `this lock was not free within ${waitMs} ms`, {
      waitedMs: waitMs,
    });
  }
  if (signal?.aborted === true) {
    // Given up while the commit was on its way: nobody would learn the token. If this fails, the lock ends by itself.
    await release(engine, hold, grant.token).catch(() => undefined);
    throw abortedBy(signal);
  }
  engine.leases.took(addressOf(hold), grant.token, ttlMs);
  return new HeldLock(engine, name, hold, { token: grant.token, ttlMs, expiresAt: grant.expiresAt });
}

export function locksOf(engine: Engine, owner: Owner): Locks {
  const lock: Locks["lock"] = (name, options = {}) => takeLock(engine, owner, name, options);
  return {
    lock,
    withLock: (name, options, fn) => whileLocked(() => lock(name, options), options, fn),
    heldLock: (fence) => lockByToken(engine, owner, fence),
  };
}

/** The lock of a record, whose name anybody who has the handle can tell: `kind:id`. */
export async function lockRecord(
  { engine, owner }: { readonly engine: Engine; readonly owner: Owner },
  { kind, id }: RecordKey,
  options: LockOptions,
  also?: readonly Change[],
): Promise<Lock> {
  return await takeLock(engine, owner, `${kind}:${id}`, options, also);
}

/** A lock by its name and token, as somebody says who was given them. No I/O. */
function lockByToken(engine: Engine, owner: Owner, { name, token }: Fence): Lock {
  return new HeldLock(engine, name, leaseholdOf(owner, name), { token: checkedToken(token), ttlMs: defaultTtlMs });
}

/**
 * Runs a function while a lock is held, and renews the lock for it. The signal aborts, with `FENCED`, once the lock is
 * surely lost; what the function changes afterwards under the lock's fence is refused anyway.
 */
export async function whileLocked<R>(
  take: () => Promise<Lock>,
  { ttlMs = defaultTtlMs }: LockOptions,
  fn: LockedWork<R>,
): Promise<R> {
  // Before the lock is taken: `withLock(name, fn)` would hold it for nothing.
  if (typeof fn !== "function") throw invalid("withLock needs options, {} if there are none, and then a function");
  const lock = await take();
  const lost = new AbortController();
  let renewing: Promise<void> | undefined;
  const renewal = setInterval(() => {
    renewing ??= keep(lock, lost).finally(() => {
      renewing = undefined;
    });
  }, ttlMs / 3);
  try {
    return await fn(lock, lost.signal);
  } finally {
    clearInterval(renewal);
    await renewing;
    // A lock that cannot be given back ends by itself; what was done under it is done.
    await lock.release().catch(() => undefined);
  }
}

async function keep(lock: Lock, lost: AbortController): Promise<void> {
  try {
    if (await lock.renew()) return;
    lost.abort(new HoldfastError("FENCED", "the lock was lost; stop what is done under it"));
  } catch {
    // The store may be back before the lock's time is over; if not, the next renewal is refused.
  }
}

/** The condition of a commit that a lock still stands. */
export function fenceOf(fence: Fence | undefined): CommitOptions["fence"] {
  return fence === undefined ? undefined : { key: lockKeyOf(fence.name), token: checkedToken(fence.token) };
}

function leaseholdOf(owner: Owner, name: string): Leasehold {
  return { owner, key: lockKeyOf(name), text: JSON.stringify({ name }), fields: { name } };
}

function lockKeyOf(name: string): RecordKey {
  if (typeof name !== "string" || name.length < 1 || name.length > maxNameLength) {
    throw invalid(`a lock's name has 1 to ${maxNameLength} characters`);
  }
  return { kind: lockKind, id: idOfName(lockKind, name) };
}

function checkedToken(token: number): number {
  if (Number.isSafeInteger(token) && token >= 1) return token;
  throw invalid(`a lock's token is a whole number from 1, not ${String(token)}`);
}

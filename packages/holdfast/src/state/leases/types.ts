import type { Version } from "../../record/record.ts";
import type { CallOptions } from "../types.ts";

/** How long a lock is held, and how long to wait for it, in milliseconds. What cannot be throws `INVALID_ARGUMENT`. */
export type LockOptions = CallOptions & {
  /** How long the lock is held unless it is renewed, by the store's clock. 1 to a day. Default 30,000. */
  readonly ttlMs?: number;
  /** How long to wait while somebody else holds it. 0 to ten minutes. Default 0. */
  readonly waitMs?: number;
};

/** For how long a lock is renewed, in milliseconds: 1 to a day. */
export type RenewOptions = CallOptions & {
  /** Counted from now. Default: as long as the lock was taken for. */
  readonly ttlMs?: number;
};

/**
 * Names a lock at a token. A change that is given one is refused (`FENCED`) unless the lock stands at that token at the
 * very moment of the commit: it is not enough to have held it a moment ago. A `Lock` is one.
 */
export type Fence = {
  readonly name: string;
  readonly token: Version;
};

/**
 * A lock that was taken. It ends when it is released or its time is over, and not with the process or the call: whoever
 * knows name and token may go on with it anywhere (`heldLock`).
 */
export interface Lock extends AsyncDisposable {
  readonly name: string;
  /** Grows with each time the lock is granted, for ever: across expiry, release, removal and restart. */
  readonly token: Version;
  /** By the store's clock, as of taking or the last renewal. Undefined for one made of a token, until it is renewed. */
  readonly expiresAt: Date | undefined;
  /** Starts its time anew. False, and nothing changed, if the lock is not held at this token any more. */
  renew(options?: RenewOptions): Promise<boolean>;
  /** Gives it back. False, and nothing changed, if the lock is not held at this token any more. */
  release(options?: CallOptions): Promise<boolean>;
}

/**
 * What runs under a lock. The signal aborts once a renewal found the lock lost: stop then. To be safe against pauses as
 * well, give the lock as `fence` to every change.
 */
export type LockedWork<R> = (lock: Lock, signal: AbortSignal) => Promise<R> | R;

/** The caller's locks: nobody else's stand in their way. */
export interface Locks {
  /**
   * Takes the lock of a name, 1 to 256 characters. Not re-entrant. Throws `CONTENTION` if it cannot be had in time.
   * Who waits is served in turn: callers of one process in the order they came, processes in the order in which each
   * began to wait; but who asks without waiting, and a process that has not yet noticed that others wait, may come
   * first once.
   */
  lock(name: string, options?: LockOptions): Promise<Lock>;
  /** Runs a function under a lock, renewing it all the while, and gives it back afterwards. */
  withLock<R>(name: string, options: LockOptions, fn: LockedWork<R>): Promise<R>;
  /** A lock that was taken before, here or elsewhere. No I/O: whether it is held still shows at the first call. */
  heldLock(fence: Fence): Lock;
}

/** Locks of single records: that of record `id` of kind `kind` is the lock named `kind:id`. */
export interface RecordLocks {
  /** As `state.lock`. Throws `NOT_FOUND` unless the record is live as the lock is taken. */
  lock(id: string, options?: LockOptions): Promise<Lock>;
  withLock<R>(id: string, options: LockOptions, fn: LockedWork<R>): Promise<R>;
}

/** The lock of one record, which need not be there yet. */
export interface RecordLock {
  lock(options?: LockOptions): Promise<Lock>;
  withLock<R>(options: LockOptions, fn: LockedWork<R>): Promise<R>;
}

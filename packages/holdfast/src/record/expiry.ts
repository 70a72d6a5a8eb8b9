import type { Lifetime } from "./record.ts";

type Ending = {
  readonly lifetime: Lifetime;
  readonly expiresAt?: number | undefined;
  readonly endedAt?: number | undefined;
};

/**
 * Whether a record is neither ended nor expired at a moment of the store's clock.
 *
 * @example
 * if (standing === undefined || !isLive(standing, Date.now())) return undefined;
 */
export function isLive(record: Ending, now: number): boolean {
  return record.endedAt === undefined && (record.expiresAt === undefined || now < record.expiresAt);
}

/**
 * When somebody ended a record; undefined where nobody did, also where it expired and a sweep closed it. Closing makes its
 * expiry its end; who ends a record does that while it is live, and so before it expires.
 */
export function endOf({ expiresAt, endedAt }: Pick<Ending, "expiresAt" | "endedAt">): number | undefined {
  return endedAt !== undefined && expiresAt !== undefined && expiresAt <= endedAt ? undefined : endedAt;
}

/** Why a record is over, once it is. */
export function causeOf(record: Pick<Ending, "expiresAt" | "endedAt">): "ended" | "expired" {
  return endOf(record) === undefined ? "expired" : "ended";
}

/** Whether a record expired and a sweep closed it, and so told that it had. */
export function isClosed(record: Pick<Ending, "expiresAt" | "endedAt">): boolean {
  return record.endedAt !== undefined && endOf(record) === undefined;
}

/** When a sweep may close a record: at its expiry, if it is retained and nobody ended it. */
export function closeAt({ lifetime, expiresAt, endedAt }: Ending): number | undefined {
  return endedAt === undefined && (lifetime.retainMs ?? 0) > 0 ? expiresAt : undefined;
}

/** When a reaper may remove a record for good; undefined if it never ends by itself. */
export function purgeAt(record: Ending): number | undefined {
  const end = record.endedAt ?? record.expiresAt;
  return end === undefined ? undefined : end + (record.lifetime.retainMs ?? 0);
}

/**
 * How long a record had lived when it ended, or until its expiry where nobody ended it; 0 for one that is not over. Never
 * below 0: a record that was imported was made by another clock than the one that ended it.
 */
export function livedMs(record: Ending & { readonly createdAt: number }): number {
  const end = record.endedAt ?? record.expiresAt;
  return end === undefined ? 0 : Math.max(0, end - record.createdAt);
}

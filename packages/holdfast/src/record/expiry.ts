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

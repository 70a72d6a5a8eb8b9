/** A token bucket as a value: a minute's calls at most, filled evenly. Who keeps it decides whose clock counts. */
export type TokenBucket = {
  readonly tokens: number;
  /** Milliseconds of the clock it is kept by. */
  readonly at: number;
};

const minuteMs = 60_000;

/** What a bucket holds by now; a new one is full. A clock that goes back fills nothing. */
export function filled(bucket: TokenBucket | undefined, perMinute: number, now: number): TokenBucket {
  if (bucket === undefined) return { tokens: perMinute, at: now };
  const at = Math.max(bucket.at, now);
  return { tokens: Math.min(perMinute, bucket.tokens + ((at - bucket.at) * perMinute) / minuteMs), at };
}

/** How long until the bucket holds so many. */
export function msUntil(bucket: TokenBucket, perMinute: number, tokens: number): number {
  return Math.max(0, ((Math.min(tokens, perMinute) - bucket.tokens) * minuteMs) / perMinute);
}

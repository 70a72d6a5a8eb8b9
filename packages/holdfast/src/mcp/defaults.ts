import type { ServeLimits } from "./types.ts";

/**
 * The limits of `serve()` where nothing else is said.
 *
 * @example
 * serve(hold, info, build, { limits: { maxStreams: 2 * serveDefaults.maxStreams } });
 */
export const serveDefaults: ServeLimits = {
  maxBodyBytes: 4 * 1024 * 1024,
  maxConnections: 10_000,
  maxRequestsInFlight: 10_000,
  maxRequestsInFlightPerPrincipal: 5_000,
  maxBodyBytesInFlight: 256 * 1024 * 1024,
  maxStreams: 5_000,
  maxStreamsPerPrincipal: 32,
  maxWarmInstances: 1_000,
  maxSessionsInUse: 10_000,
  maxMemoryBytes: Number.POSITIVE_INFINITY,
  maxBatch: 100,
  maxDepth: 64,
  keepAliveMs: 15_000,
  maxStreamAgeMs: 60 * 60 * 1000,
  maxLogEvents: 1_000,
  reauthenticateMs: 20_000,
  maxCallsPerMinute: Number.POSITIVE_INFINITY,
  maxCallsPerMinutePerConnection: Number.POSITIVE_INFINITY,
  maxMissedIdsPerMinute: 60,
};

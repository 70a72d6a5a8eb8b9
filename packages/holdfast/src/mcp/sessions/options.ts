import { serveDefaults } from "../defaults.ts";
import { type FailurePoints, failurePoints } from "./failure-points.ts";

/** What the 2025-era endpoint can be told, with its defaults. How long sessions live and how many there may be is the hold's. */
export type SessionOptions = {
  /** Serve without sessions: an instance per request, nothing stored. Default false. */
  readonly stateless: boolean;
  /** `auto` answers JSON unless something streams; `json` and `sse` pin one form. */
  readonly response: "auto" | "json" | "sse";
  /** Live SSE streams of this node; beyond it new ones are 429. */
  readonly maxStreams: number;
  /** Live SSE streams of one principal on all nodes together; beyond it new ones are 429. */
  readonly maxStreamsPerPrincipal: number;
  /** Connected server instances kept, in use or not; those in use are never closed for it. */
  readonly maxWarmInstances: number;
  /** Between comment lines that keep a quiet stream open. */
  readonly keepAliveMs: number;
  /** A stream is ended after this long; its client resumes. */
  readonly maxStreamAgeMs: number;
  /** Bytes that may wait for one slow reader before its connection is cut, where there is no log to feed it from. */
  readonly maxStreamBufferBytes: number;
  /** Messages a session's output log keeps for resuming streams. */
  readonly maxLogEvents: number;
  /** About how many bytes of messages a session's output log keeps. */
  readonly maxLogBytes: number;
  /** Distinct ids of no session that one principal may present in a minute; beyond it the answer is 429. */
  readonly maxMissedIdsPerMinute: number;
  /** How long clients are asked to wait before they resume a stream. */
  readonly retryMs: number;
  /** A warm session is trusted this long after it was last read. */
  readonly trustMs: number;
  /** How often a waiting stream looks for itself, since hints may be lost. */
  readonly pollMs: number;
  /** Most time one store operation or one rehydration may take before the answer is 503. */
  readonly deadlineMs: number;
  /** How long calls in flight may go on after their session has ended. */
  readonly endedGraceMs: number;
  /** How often the handler of one call may ask its client. */
  readonly maxRounds: number;
  /** How long a client may take over a question; reporting progress starts it anew. */
  readonly roundTimeoutMs: number;
  /** Calls of one session that wait for their client at a time. */
  readonly maxWaitingCalls: number;
  readonly onError: (error: unknown) => void;
  readonly [failurePoints]?: FailurePoints | undefined;
};

export const sessionDefaults: SessionOptions = {
  stateless: false,
  response: "auto",
  maxStreams: serveDefaults.maxStreams,
  maxStreamsPerPrincipal: serveDefaults.maxStreamsPerPrincipal,
  maxWarmInstances: serveDefaults.maxWarmInstances,
  keepAliveMs: serveDefaults.keepAliveMs,
  maxStreamAgeMs: serveDefaults.maxStreamAgeMs,
  maxStreamBufferBytes: 4 * 1024 * 1024,
  maxLogEvents: serveDefaults.maxLogEvents,
  maxLogBytes: 4 * 1024 * 1024,
  maxMissedIdsPerMinute: serveDefaults.maxMissedIdsPerMinute,
  retryMs: 1_000,
  trustMs: 500,
  pollMs: 10_000,
  deadlineMs: 10_000,
  endedGraceMs: 5_000,
  maxRounds: 8,
  roundTimeoutMs: 600_000,
  maxWaitingCalls: 64,
  onError: () => undefined,
};

/** Defaults under what was given; a value that is undefined counts as not given. */
export function resolveSessionOptions(
  given: { readonly [K in keyof SessionOptions]?: SessionOptions[K] | undefined },
): SessionOptions {
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...sessionDefaults, ...named, [failurePoints]: given[failurePoints] };
}

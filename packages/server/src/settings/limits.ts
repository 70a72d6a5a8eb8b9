/**
 * The settings that are limits. Each says what goes beyond it is answered; `docs/limits.md` is made of these rows and of the
 * library's limits that have no setting.
 */
import { bytes, duration, integer, optionalBytes, optionalInteger, type Row } from "./row.ts";

/** Durations are milliseconds, sizes are bytes. */
export type LimitSettings = {
  readonly maxConnections: number;
  readonly maxRequestsInFlight: number;
  readonly maxRequestsInFlightPerPrincipal: number;
  readonly maxBodiesInFlight: number;
  readonly maxStreams: number;
  readonly maxStreamsPerPrincipal: number;
  readonly maxSessionsInUse: number;
  readonly maxWarmSessions: number;
  readonly maxMemory: number | undefined;
  readonly maxCallsPerMinute: number | undefined;
  readonly maxCallsPerMinutePerConnection: number | undefined;
  readonly maxMissedIdsPerMinute: number;
  readonly maxSessions: number;
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly maxBody: number;
  readonly maxDocument: number;
  readonly maxEvent: number;
  readonly maxActions: number;
  readonly maxChannelMessages: number;
  readonly maxWorkflowEvents: number;
  readonly maxTurns: number;
  readonly sessionIdle: number;
  readonly sessionAbsolute: number;
};

const second = 1_000;
const day = 86_400_000;
const kibi = 1024;
const mebi = 1024 ** 2;
const many = 1_000_000_000;
const group = "Limits";

const quota = "`429` with `Retry-After`, or the tool error `quota_exceeded`";
const toolError = "the tool error `invalid_argument`";
const oldestGo = "the oldest go; totals and positions go on counting";
const over = "it is over: `404` `-32001`, or the tool error `not_found`";

export const limitRows: { readonly [Key in keyof LimitSettings]: Row<LimitSettings[Key]> } = {
  maxConnections: integer({
    default: 10_000,
    min: 1,
    max: many,
    group,
    help: "Open connections of a node",
    beyond: "`503` with `Retry-After`, and the connection is closed; `/healthz` and `/readyz` still answer",
    option: "serve limits.maxConnections",
  }),
  maxRequestsInFlight: integer({
    default: 10_000,
    min: 1,
    max: many,
    group,
    help: "Requests that a node answers at a time, streams aside; and tool calls that go on",
    beyond: "`503` with `Retry-After`, or the tool error `busy`",
    option: "serve limits.maxRequestsInFlight",
  }),
  maxRequestsInFlightPerPrincipal: integer({
    default: 5_000,
    min: 1,
    max: many,
    group,
    help: "Those of one principal",
    beyond: "`429` `-32000` with `Retry-After`, or the tool error `busy`",
    option: "serve limits.maxRequestsInFlightPerPrincipal",
  }),
  maxBodiesInFlight: bytes({
    default: 256 * mebi,
    min: kibi,
    max: mebi ** 2,
    group,
    help: "Bodies that a node holds for requests it is answering; a quarter of it for one principal, and at least one whole body",
    beyond: "`503`, or `429` `-32000` for the principal, with `Retry-After`, and the connection is closed",
    option: "serve limits.maxBodyBytesInFlight",
  }),
  maxStreams: integer({
    default: 5_000,
    min: 1,
    max: many,
    group,
    help: "Open streams of a node",
    beyond: "`429` `-32000` with `Retry-After`",
    option: "serve limits.maxStreams",
  }),
  maxStreamsPerPrincipal: integer({
    default: 32,
    min: 1,
    max: many,
    group,
    help: "Open streams of one principal, on all nodes together",
    beyond: "`429` `-32000` with `Retry-After`",
    option: "serve limits.maxStreamsPerPrincipal",
  }),
  maxSessionsInUse: integer({
    default: 10_000,
    min: 1,
    max: many,
    group,
    help: "Sessions of a node that are in use: a call or a stream is open",
    beyond: "`503` with `Retry-After`: another node may take it",
    option: "serve limits.maxSessionsInUse",
  }),
  maxWarmSessions: integer({
    default: 1_000,
    min: 1,
    max: 1_000_000,
    group,
    help: "Sessions kept warm at a node, those in use among them",
    beyond: "the one used longest ago gives way",
    option: "serve limits.maxWarmInstances",
  }),
  maxMemory: optionalBytes({
    min: 32 * mebi,
    max: mebi ** 2,
    group,
    help: "Memory of a node; unset, what its container allows",
    beyond: "from 80 %: caches and idle instances go, then new sessions are `503` with `Retry-After`",
    option: "serve limits.maxMemoryBytes",
  }),
  maxCallsPerMinute: optionalInteger({
    min: 1,
    max: many,
    group,
    help: "Requests of one principal in a minute, on all nodes together",
    beyond: "`429` `-32000` with `Retry-After`",
    option: "serve limits.maxCallsPerMinute",
  }),
  maxCallsPerMinutePerConnection: optionalInteger({
    min: 1,
    max: many,
    group,
    help: "Requests of one connection in a minute at a node",
    beyond: "`429` `-32000` with `Retry-After`",
    option: "serve limits.maxCallsPerMinutePerConnection",
  }),
  maxMissedIdsPerMinute: integer({
    default: 60,
    min: 1,
    max: 100_000,
    group,
    help: "Different ids and handles of nothing that one principal names at a node in a minute",
    beyond:
      "`429` `-32000` with `Retry-After`, or the tool error `busy`; those named before go on getting `404`, or `not_found`",
    option: "serve limits.maxMissedIdsPerMinute",
  }),
  maxSessions: integer({
    default: 1_000,
    min: 1,
    max: many,
    group,
    help: "Sessions of one principal",
    beyond: quota,
    option: "holdfast limits.maxSessions",
  }),
  maxRecords: integer({
    default: 10_000,
    min: 1,
    max: many,
    group,
    help: "Records of one principal, sessions included: what it has handles of",
    beyond: quota,
    option: "holdfast limits.maxRecords",
  }),
  maxBytes: bytes({
    default: 64 * mebi,
    min: kibi,
    max: mebi ** 2,
    group,
    help: "All data of one principal",
    beyond: quota,
    option: "holdfast limits.maxBytes",
  }),
  maxBody: bytes({
    default: 4 * mebi,
    min: kibi,
    max: kibi * mebi,
    group,
    help: "One request body, and so all arguments of a call",
    beyond: "`413`, and the connection is closed",
    option: "serve limits.maxBodyBytes",
  }),
  maxDocument: bytes({
    default: mebi,
    min: kibi,
    max: 64 * mebi,
    group,
    help: "The document of one session: its data, preferences and metadata",
    beyond: toolError,
    option: "holdfast limits.maxSessionBytes",
  }),
  maxEvent: bytes({
    default: 256 * kibi,
    min: kibi,
    max: 64 * mebi,
    group,
    help: "One action with its details, or one message of a channel",
    beyond: toolError,
    option: "holdfast limits.maxActionBytes",
  }),
  maxActions: integer({
    default: 10_000,
    min: 1,
    max: many,
    group,
    help: "Actions kept of a session",
    beyond: oldestGo,
    option: "holdfast limits.maxActionsKept",
  }),
  maxChannelMessages: integer({
    default: 10_000,
    min: 1,
    max: many,
    group,
    help: "Messages kept of a channel",
    beyond: "the oldest go; positions go on counting",
    option: "holdfast limits.maxMessagesKept",
  }),
  maxWorkflowEvents: integer({
    default: 10_000,
    min: 1,
    max: many,
    group,
    help: "Events kept of a workflow, up to a hundred more between two snapshots",
    beyond: "the oldest go, and what was before them can no longer be shown; the state stays what all came to",
    option: "eventSourced limits: maxEventsKept",
  }),
  maxTurns: integer({
    default: 100,
    min: 1,
    max: 10_000,
    group,
    help: "Turns kept of a session",
    beyond: oldestGo,
    option: "holdfast limits.maxTurnsKept",
  }),
  sessionIdle: duration({
    default: day,
    min: second,
    max: 3_650 * day,
    group,
    help: "A session ends after this long without use",
    beyond: over,
    option: "holdfast sessions.idle",
  }),
  sessionAbsolute: duration({
    default: 30 * day,
    min: second,
    max: 3_650 * day,
    group,
    help: "A session ends this long after it began",
    beyond: over,
    option: "holdfast sessions.absolute",
  }),
};

/**
 * Every metric of the library as data: what makes the instruments, what the documentation's table is held against, and
 * what dashboards and rules may name. Names follow the semantic conventions of OpenTelemetry where those have one.
 *
 * Attributes are bounded: methods of the protocol, tools that are registered, kinds of the hold, codes, a few words.
 */

export type MetricRow = {
  /** How it is recorded: pushed as things happen, or read when somebody collects. */
  readonly type: "histogram" | "counter" | "gauge" | "observed counter";
  readonly unit: string;
  readonly attributes: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram's buckets. */
  readonly bounds?: readonly number[];
};

/** Metrics that are recorded as things happen. */
export type RecordedName =
  | "mcp.server.operation.duration"
  | "mcp.server.session.duration"
  | "holdfast.tool.errors"
  | "holdfast.session.missed"
  | "holdfast.state.changes"
  | "holdfast.stream.resumes"
  | "holdfast.stream.lag"
  | "holdfast.commits"
  | "holdfast.update.conflicts"
  | "holdfast.update.retries"
  | "holdfast.update.exhausted"
  | "holdfast.update.turned_away"
  | "holdfast.lease.wait.duration"
  | "holdfast.hint.lag"
  | "holdfast.hint.lost"
  | "holdfast.disposables.closed"
  | "holdfast.reaper.removed"
  | "holdfast.reaper.closed"
  | "holdfast.reaper.duration"
  | "holdfast.limit.refused"
  | "holdfast.memory.relieved"
  | "db.client.operation.duration";

/** Metrics that are read when somebody collects. */
export type ObservedName =
  | "holdfast.calls.active"
  | "holdfast.connections"
  | "holdfast.streams"
  | "holdfast.sessions"
  | "holdfast.session.lookups"
  | "holdfast.memory.share"
  | "holdfast.updates"
  | "holdfast.locks"
  | "holdfast.disposables"
  | "holdfast.turns"
  | "db.client.connection.count"
  | "db.client.connection.max"
  | "db.client.connection.pending_requests"
  | "holdfast.store.queue"
  | "holdfast.store.batches"
  | "holdfast.cache.lookups"
  | "holdfast.store.breaker.open";

export type MetricName = RecordedName | ObservedName;

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;
const lifetimes = [1, 10, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 604_800, 2_592_000] as const;

export const metricTable: Readonly<Record<MetricName, MetricRow>> = {
  "mcp.server.operation.duration": {
    type: "histogram",
    unit: "s",
    attributes: ["mcp.method.name", "gen_ai.tool.name", "error.type"],
    help: "How long requests of clients took, from the moment their handler began",
    bounds: seconds,
  },
  "mcp.server.session.duration": {
    type: "histogram",
    unit: "s",
    attributes: [],
    help: "How long sessions had lived when their client or a tool ended them, or when they expired; told of those that expired once they are removed",
    bounds: lifetimes,
  },
  "holdfast.calls.active": { type: "gauge", unit: "{call}", attributes: [], help: "Tool calls that run now" },
  "holdfast.tool.errors": {
    type: "counter",
    unit: "{error}",
    attributes: ["gen_ai.tool.name", "code"],
    help: "Tool calls that were answered with an error, by its code",
  },
  "holdfast.connections": { type: "gauge", unit: "{connection}", attributes: [], help: "Open connections" },
  "holdfast.streams": { type: "gauge", unit: "{stream}", attributes: [], help: "Open streams" },
  "holdfast.sessions": {
    type: "gauge",
    unit: "{session}",
    attributes: ["state"],
    help: "Sessions of the 2025 revisions on this node: in_use (a call or a stream is open) or idle (warm, and nobody uses it)",
  },
  "holdfast.memory.share": {
    type: "gauge",
    unit: "1",
    attributes: [],
    help: "Memory in use, as a share of what this node may have: warned of from 0.7, relieved from 0.8",
  },
  "holdfast.memory.relieved": {
    type: "counter",
    unit: "{step}",
    attributes: ["step"],
    help: "What was given up for want of memory: caches (times dropped), instances (of sessions that nobody used), new_sessions (times refusing them began)",
  },
  "holdfast.session.lookups": {
    type: "observed counter",
    unit: "{lookup}",
    attributes: ["result"],
    help: "Requests that found their session warm (hit), or had it made anew from the store (miss)",
  },
  "holdfast.session.missed": {
    type: "counter",
    unit: "{request}",
    attributes: ["reason"],
    help: "Requests that named a session which is not their caller's: absent (ended, expired, never there), malformed, or of the same principal but with another secret or client",
  },
  "holdfast.state.changes": {
    type: "counter",
    unit: "{change}",
    attributes: ["change", "kind"],
    help: "Records created, adopted, evicted, ended, expired, and what else the log of state changes tells",
  },
  "holdfast.stream.resumes": {
    type: "counter",
    unit: "{stream}",
    attributes: [],
    help: "Streams that were opened with Last-Event-ID",
  },
  "holdfast.stream.lag": {
    type: "histogram",
    unit: "s",
    attributes: [],
    help: "From a message's place in the session's log to its way to the client, by the clocks of store and node",
    bounds: seconds,
  },
  "holdfast.commits": {
    type: "counter",
    unit: "{commit}",
    attributes: ["outcome"],
    help: "Commits: applied, replayed (a repeat of an earlier one), failed, or why they were refused",
  },
  "holdfast.updates": {
    type: "observed counter",
    unit: "{update}",
    attributes: [],
    help: "Commits that depended on what was read before",
  },
  "holdfast.update.conflicts": {
    type: "counter",
    unit: "{conflict}",
    attributes: ["kind"],
    help: "Those that were refused because somebody else came first",
  },
  "holdfast.update.retries": {
    type: "histogram",
    unit: "{retry}",
    attributes: [],
    help: "How often an update was made again before it was through",
    bounds: [0, 1, 2, 3, 5, 8, 13, 21],
  },
  "holdfast.update.exhausted": {
    type: "counter",
    unit: "{update}",
    attributes: ["kind"],
    help: "Updates that gave up after too many conflicts",
  },
  "holdfast.update.turned_away": {
    type: "counter",
    unit: "{update}",
    attributes: ["kind", "reason"],
    help: "Updates that gave up in the queue of their record in this process: those before them took ten seconds (waited), or a thousand waited already (crowded)",
  },
  "holdfast.lease.wait.duration": {
    type: "histogram",
    unit: "s",
    attributes: ["outcome"],
    help: "How long callers waited for a lock or a lease until they had it (acquired) or gave up (missed)",
    bounds: seconds,
  },
  "holdfast.locks": {
    type: "gauge",
    unit: "{lock}",
    attributes: [],
    help: "Locks taken by this process and held still",
  },
  "holdfast.disposables": {
    type: "gauge",
    unit: "{value}",
    attributes: [],
    help: "Values of sessions (browsers, files) that this process has",
  },
  "holdfast.disposables.closed": {
    type: "counter",
    unit: "{value}",
    attributes: ["cause", "outcome"],
    help: "Values of sessions that were closed, by why (ended, expired, disposed, drained) and how that went (ok, error)",
  },
  "holdfast.turns": {
    type: "observed counter",
    unit: "{turn}",
    attributes: ["outcome"],
    help: "Turns of sessions that were written, or lost",
  },
  "holdfast.hint.lag": {
    type: "histogram",
    unit: "s",
    attributes: [],
    help: "How long a hint takes to come back through the store; one is sent with each collection",
    bounds: seconds,
  },
  "holdfast.hint.lost": {
    type: "counter",
    unit: "{hint}",
    attributes: [],
    help: "Hints of that kind that had not come back by the next collection",
  },
  "holdfast.reaper.removed": {
    type: "counter",
    unit: "{record}",
    attributes: ["cause"],
    help: "Records that this process removed after they had expired or ended",
  },
  "holdfast.reaper.closed": {
    type: "counter",
    unit: "{record}",
    attributes: [],
    help: "Records that this process found expired and that their kind retains: they are removed, and counted as that, later",
  },
  "holdfast.reaper.duration": {
    type: "histogram",
    unit: "s",
    attributes: [],
    help: "How long one sweep took",
    bounds: seconds,
  },
  "holdfast.limit.refused": {
    type: "counter",
    unit: "{request}",
    attributes: ["limit"],
    help: "Requests that were refused for a limit of this node, by the limit: principal_calls, connection_calls, missed_ids, principal_streams, node_streams, node_sessions, principal_requests, node_requests, principal_bodies, node_bodies, memory",
  },
  "db.client.operation.duration": {
    type: "histogram",
    unit: "s",
    attributes: ["db.system.name", "db.operation.name", "error.type"],
    help: "How long operations of the store took, waiting for their batch included",
    bounds: seconds,
  },
  "db.client.connection.count": {
    type: "gauge",
    unit: "{connection}",
    attributes: ["db.client.connection.state"],
    help: "Connections to the database: used or idle",
  },
  "db.client.connection.max": { type: "gauge", unit: "{connection}", attributes: [], help: "The most there may be" },
  "db.client.connection.pending_requests": {
    type: "gauge",
    unit: "{request}",
    attributes: [],
    help: "Calls that wait for a connection",
  },
  "holdfast.store.queue": {
    type: "gauge",
    unit: "{commit}",
    attributes: [],
    help: "Commits that wait for their batch",
  },
  "holdfast.store.batches": {
    type: "observed counter",
    unit: "{batch}",
    attributes: ["size"],
    help: "Batches that were sent, by how many commits were in them: 1, 2-3, 4-7, … 64 and more",
  },
  "holdfast.cache.lookups": {
    type: "observed counter",
    unit: "{lookup}",
    attributes: ["result"],
    help: "Reads that may be a little old: answered by a cache in front of the store (hit), or by the store (miss)",
  },
  "holdfast.store.breaker.open": {
    type: "gauge",
    unit: "1",
    attributes: [],
    help: "1 while nobody tries to reach the server because that failed again and again",
  },
};

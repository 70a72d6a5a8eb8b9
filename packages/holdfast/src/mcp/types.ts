import type { IncomingMessage, ServerResponse } from "node:http";
import type { Implementation, McpServer, McpServerOptions, ServerNotifier } from "@modelcontextprotocol/server";

import type { Authenticate } from "../security/authenticate.ts";
import type { Principal } from "../security/principal.ts";
import type { RequestStateKey } from "../security/request-state.ts";
import type { AnyKind, State } from "../state/kind.ts";
import type { SessionStepUp } from "../state/step-up/types.ts";
import type { Duration, Session, Sessions, Turn } from "../state/types.ts";
import type { StepUpPurpose } from "./step-up/purposes.ts";

/** What a build function gets besides the server it registers things on. All of it belongs to the one caller served. */
export type ServeContext<Kinds extends readonly AnyKind[]> = {
  /** The caller's records, one property per kind. */
  readonly state: State<Kinds>;
  /**
   * The caller's 2025-era session, over HTTP or stdio (2025-11-25 `basic/transports`, "Session Management"). Undefined on
   * 2026-07-28 requests and in stateless mode.
   */
  readonly session: Session | undefined;
  /** All sessions of the caller. */
  readonly sessions: Sessions;
  /** Who is asking. Within a tool, the scopes are those of the token that the call came with. */
  readonly principal: Principal;
  /** What was confirmed out of band in this session; without one, by this client of the caller. */
  readonly stepUp: SessionStepUp;
  /**
   * Volatile state of the connection: gone when the process ends, when the instance is evicted, or when another node
   * serves the next request. For what cannot be stored (a socket, a browser); everything else belongs in `state`.
   */
  readonly connection: Map<string, unknown>;
  /**
   * Tells this caller's clients, whichever process on the store they are connected to, that a resource or a list of
   * theirs has changed. Neither waits nor throws; those of this process hear of it at once, the others soon, each change
   * once and in the order of its publisher. Only who has subscribed to a resource hears of that: by `resources/subscribe`
   * (2025-11-25 `server/resources`, "Subscriptions") or `subscriptions/listen` (2026-07-28 `basic/patterns/subscriptions`).
   */
  readonly notify: ServerNotifier;
  readonly era: "2025" | "2026";
};

/** What the server says of itself. */
export type ServerInfo = Implementation & {
  /** How to use the server, for the model behind the client. */
  readonly instructions?: string;
};

/** Registers tools, resources and prompts. Called once per instance, so keep it thin and schemas outside of it. */
export type Build<Kinds extends readonly AnyKind[]> = (server: McpServer, context: ServeContext<Kinds>) => void;

/**
 * How `serve()` serves; all of it may be left out. An unknown name (with the nearest one) and a value that cannot be throw
 * `INVALID_ARGUMENT` at once. Times in `…Ms` are milliseconds, sizes in `…Bytes` bytes.
 */
export type ServeOptions = {
  /**
   * Who calls, by the verified token (2026-07-28 `basic/authorization`, "Access Token Usage"); `oauth()` of `holdfast/oauth`
   * makes one. Default: everyone is the local user, and only requests from this machine are answered.
   */
  readonly authenticate?: Authenticate;
  /**
   * The scopes that calls of a tool need, by the tool's name: `{ delete_basket: ["basket:write"] }`. A call without one of
   * them is answered 403 with a challenge that names them ("Scope Challenge Handling"), and nowhere reaches the tool.
   */
  readonly toolScopes?: Readonly<Record<string, readonly string[]>>;
  /**
   * Purposes that users confirm out of band, on a page of yours, before tools that `requires()` names them for are entered:
   * `{ payments: { url: (request) => `https://shop.example.com/confirm/${request}` } }`.
   */
  readonly stepUp?: Readonly<Record<string, StepUpPurpose>>;
  /**
   * Host names requests may address, without port; others are 403 (2026-07-28 `basic/transports/streamable-http`, "Security &
   * Endpoint"). Default: the loopback names. `"any"` turns the check off.
   */
  readonly allowedHosts?: readonly string[] | "any";
  /** Origins browsers may call from; others are 403. Default: loopback origins. `"any"` turns the check off. */
  readonly allowedOrigins?: readonly string[] | "any";
  /**
   * Kinds whose records are listed as resources, `session` for sessions. Once one of theirs has expired and was removed, its
   * owner's clients are told that their list of resources has changed. Of what tools make and end, those tell with `notify`.
   */
  readonly listedKinds?: readonly string[];
  /** Serve 2025-era clients without sessions: nothing is stored of them, and no stream of theirs can be resumed. Default false. */
  readonly stateless?: boolean;
  /** Pin answers of calls to one form. Default `auto`: JSON unless something streams. */
  readonly response?: "auto" | "json" | "sse";
  /** Keep a turn per tool call of a 2025-era session, and what of it. Default true. */
  readonly recordTurns?: boolean | TurnOptions;
  /** What this process is called in turns. Default: host name and process id. */
  readonly node?: string;
  /** Where clients of the deprecated HTTP+SSE transport (2024-11-05 `basic/transports`) send messages. Default `/messages`. */
  readonly httpSse?: { readonly messages?: string };
  /**
   * State that tools, prompts and resources give along with `input_required` is sealed, and comes back verified
   * (2026-07-28 `basic/patterns/mrtr`, "Server Requirements (Basic Workflow)" and "Security Considerations"). Keys
   * default to ones in the store; a state is good for ten minutes and any number of times. Not used where
   * `server.requestState` is given.
   */
  readonly requestState?: {
    /** Secrets of at least 32 bytes: the first seals, all open. */
    readonly keys?: readonly RequestStateKey[];
    /** How long a state is good. Default `10m`. */
    readonly ttl?: Duration;
    /** Carry each state out once; whoever presents it again is given the first result. Default false. */
    readonly singleUse?: boolean;
  };
  /** Passed on to every `McpServer` that holdfast constructs: capabilities, cache hints, `requestState` and so on. */
  readonly server?: McpServerOptions;
  /** Bounds, each with a default in `serveDefaults`. */
  readonly limits?: Partial<ServeLimits>;
  /** Hears of everything that went wrong and was answered in general words. Default: nobody. Never pass it on to a client. */
  readonly onError?: (error: unknown) => void;
};

/** What of tool calls is kept as turns. */
export type TurnOptions = {
  /** Tools of which none is kept: those that are given secrets, say. */
  readonly except?: readonly string[];
  /**
   * Gets each turn before it is kept, with the whole input and output, and returns it with the `input` and `outputPreview`
   * to keep, or nothing to keep none. Where it throws, none is kept, and `onError` hears of it.
   */
  readonly redact?: (turn: Turn) => Turn | undefined;
  /**
   * The argument in which tools are given the handle of a session that `sessions.create()` made. Calls that come without
   * a session of their own, as those of 2026-07-28 do, are kept as turns of that one, if it is the caller's.
   */
  readonly session?: string;
};

/**
 * Every limit has a default in `serveDefaults`; the documentation's table is held equal by a test. How long sessions live
 * and how many one principal may have is the hold's: `holdfast({ sessions, limits })`.
 */
export type ServeLimits = {
  /** Bytes of one request body; beyond it the answer is 413. Default 4 MiB. */
  readonly maxBodyBytes: number;
  /** Open connections of a node; beyond it the answer is 503. Default 10,000. */
  readonly maxConnections: number;
  /** Requests that a node answers at a time, streams of their own aside, and tool calls that it carries out; beyond it the answer is 503. */
  readonly maxRequestsInFlight: number;
  /** Those of one principal; beyond it the answer is 429, or the tool error `busy`. */
  readonly maxRequestsInFlightPerPrincipal: number;
  /** Bytes of bodies that a node holds for requests it is answering. A principal may have a quarter of them, and at least one whole body. */
  readonly maxBodyBytesInFlight: number;
  /** Open streams of this process; beyond it the answer is 429. Default 5,000. */
  readonly maxStreams: number;
  /** Open streams of one principal in all processes on the store together; beyond it the answer is 429. Default 32. */
  readonly maxStreamsPerPrincipal: number;
  /** Instances of 2025-era sessions kept for the next request, in use or not; those in use are never closed for it. */
  readonly maxWarmInstances: number;
  /** 2025-era sessions with a call or a stream open at this process; beyond it the answer is 503. */
  readonly maxSessionsInUse: number;
  /**
   * Memory of this process, its heap and what lies outside of it; from 80 % it gives up what it can. `Infinity`, the default: what
   * the container allows. V8's own limit of the heap counts in any case.
   */
  readonly maxMemoryBytes: number;
  /** Messages in a batch, which 2025-03-26 alone has; beyond it the answer is 400. Default 100. */
  readonly maxBatch: number;
  /** Nesting of a body; beyond it the answer is 400. Default 64. */
  readonly maxDepth: number;
  /** After so much silence a stream gets a comment. A reader that takes nothing for four times as long is cut. Default 15,000. */
  readonly keepAliveMs: number;
  /** A stream ends after so long, and its client resumes. Default an hour. */
  readonly maxStreamAgeMs: number;
  /** Messages a session's output log keeps for resuming streams (2025-11-25, "Resumability and Redelivery"). Default 1,000. */
  readonly maxLogEvents: number;
  /** How often whoever reads a stream is authenticated again, in milliseconds. */
  readonly reauthenticateMs: number;
  /** Requests of one principal over HTTP in a minute, over all nodes on the store; `Infinity`, the default: no limit. */
  readonly maxCallsPerMinute: number;
  /** Those of one connection, as each node counts them by itself: a session's, or without one those of a TCP connection. */
  readonly maxCallsPerMinutePerConnection: number;
  /** Distinct ids of no session that one principal may present to a node in a minute. */
  readonly maxMissedIdsPerMinute: number;
};

/** A served MCP server: a function from request to response that also mounts everywhere else. */
export interface App {
  (request: Request, options?: FetchOptions): Promise<Response>;
  readonly fetch: (request: Request, options?: FetchOptions) => Promise<Response>;
  /** A `node:http` listener, the leanest way in. Also fits Express (`app.all("/mcp", mcp.node)`). */
  readonly node: NodeListener;
  /**
   * The deprecated HTTP+SSE transport (2024-11-05 `basic/transports`), for clients that know nothing newer: GET opens a
   * connection's stream, POST brings its messages, at any node. Mount it where such clients look (`/sse`) and at
   * `httpSse.messages`.
   */
  readonly httpSse: { readonly fetch: App["fetch"]; readonly node: NodeListener };
  /** Serves stdin and stdout (`basic/transports`, "stdio") as the local user until the input ends. */
  stdio(options?: StdioOptions): Promise<StdioHandle>;
  readonly connections: Connections;
  /** As `ServeContext.notify`, for the clients of every caller: a shared list or resource has changed. */
  readonly notify: ServerNotifier;
  /** Refuses new work with 503, lets calls finish, ends streams so that clients resume elsewhere. Resolves when done. */
  drain(options?: { readonly timeoutMs?: number }): Promise<void>;
  close(): Promise<void>;
}

/**
 * Serves one request of a `node:http` server. A body that was read already is taken from the third argument (Fastify:
 * `request.body`) or from `request.body` (Express behind `express.json()`). Deadlines for headers and bodies are those
 * of the `node:http` server.
 */
export type NodeListener = (request: IncomingMessage, response: ServerResponse, parsedBody?: unknown) => void;

/** Hosts hand over more as a second argument (an environment, the place of a route): what is not named here is left alone. */
export type FetchOptions = {
  /** Skips authentication: the caller has done it. */
  readonly principal?: Principal;
  /** The body, where a framework has read and parsed it already. */
  readonly parsedBody?: unknown;
};

/** The streams of `app.stdio()`. Default: those of the process. */
export type StdioOptions = {
  readonly stdin?: NodeJS.ReadableStream;
  readonly stdout?: NodeJS.WritableStream;
};

/** The one connection of `app.stdio()`. */
export interface StdioHandle extends AsyncDisposable {
  /** Resolves when the connection has ended, by either side. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** What a node has open, now: `app.connections`. */
export interface Connections {
  readonly open: number;
  readonly streams: number;
  /** Instances of 2025-era sessions kept for the next request, in use or not. */
  readonly warm: number;
  /** 2025-era sessions with a call or a stream open here. */
  readonly sessionsInUse: number;
  /** Requests that found their session's instance warm, and those for which it was made anew from the store. */
  readonly warmHits: number;
  readonly warmMisses: number;
  readonly callsInFlight: number;
  readonly callsTotal: number;
}

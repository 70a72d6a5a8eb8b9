/** The any-node transport for 2025-era clients: a session is a record, and any node can serve any request of it. */
import type { McpServer } from "@modelcontextprotocol/server";

import type { Owner } from "../../record/record.ts";
import type { Principal } from "../../security/principal.ts";
import { ContextLocal } from "../../state/context-local.ts";
import { hashed } from "../../state/document.ts";
import { transportKind } from "../../state/sessions/connection.ts";
import { sessionKind } from "../../state/sessions/definition.ts";
import type { Session } from "../../state/types.ts";
import type { Inbound, Reply } from "../exchange.ts";
import { unavailable } from "../http/answers.ts";
import type { Parks } from "../parked.ts";
import type { Admission } from "../pressure/admission.ts";
import { failure, sessionIdMissing, sessionNotFound, unsupportedVersion } from "./answers.ts";
import { readBody } from "./body.ts";
import { clearCalls } from "./calls/clear-calls.ts";
import type { SessionChange, SessionDeps } from "./deps.ts";
import { endSession } from "./end-session.ts";
import { Exchanges } from "./exchanges.ts";
import { failurePoints } from "./failure-points.ts";
import { GetStreams } from "./get-streams.ts";
import type { SessionHold } from "./hold.ts";
import { Initializer } from "./initialize.ts";
import type { Serving } from "./instance.ts";
import { knownEverywhere } from "./known-everywhere.ts";
import { MissedIds } from "./missed-ids.ts";
import { type NewsSource, SessionNews } from "./news.ts";
import { NodeLife } from "./node-life.ts";
import { resolveSessionOptions, type SessionOptions } from "./options.ts";
import { Posts } from "./post.ts";
import { Rounds } from "./questions/rounds.ts";
import { Rehydrator } from "./rehydrate.ts";
import { FleetIds } from "./routing/ids.ts";
import { SessionGate } from "./session-gate.ts";
import { type KeptSession, SessionKeeper } from "./session-keeper.ts";
import { OwnPlaces, StreamSlots } from "./slots.ts";
import { Stateless } from "./stateless.ts";
import { isSupported, supportedVersions } from "./versions.ts";
import { WarmSessions } from "./warm-sessions.ts";

/** What an instance is made for. */
export type InstanceContext = {
  readonly principal: Principal;
  /** The connection's own session; undefined in stateless mode. It exists once `initialize` has been answered. */
  readonly session: Session | undefined;
  readonly era: "2025";
  /** Volatile state of this instance. */
  readonly connection: Map<string, unknown>;
  readonly parks: Parks;
};

/** Makes a server for one caller, and in stateless mode for one request, whose `session` is undefined. */
export type MakeInstance = (context: Pick<InstanceContext, "principal" | "session">) => McpServer;

export type SessionEndpointInit = {
  readonly hold: SessionHold;
  /** A fresh, fully registered, unconnected server for one caller. */
  readonly instance: (context: InstanceContext) => McpServer;
  /** Where changes of lists and resources are announced. */
  readonly news?: NewsSource | undefined;
  /** Streams of this node, where others than these are counted too. Default: its own, by the options. */
  readonly slots?: StreamSlots | undefined;
  /** Ids of no session that were presented here, where others than these are counted too. Default: its own. */
  readonly missed?: MissedIds | undefined;
  /** Whether this node takes more sessions in hand. Default: as many as come. */
  readonly admission?: Pick<Admission, "refuseNew" | "refuseMore"> | undefined;
  readonly options?: { readonly [K in keyof SessionOptions]?: SessionOptions[K] | undefined } | undefined;
};

export type SessionEndpointStats = {
  /** Connected instances, in use or not. */
  readonly warm: number;
  /** Sessions in use: a call or a stream of theirs is open here. */
  readonly inUse: number;
  /** Requests that found their session warm, and those for which it was opened from the store. */
  readonly hits: number;
  readonly misses: number;
  /** Live SSE streams. */
  readonly streams: number;
  readonly callsInFlight: number;
  readonly callsTotal: number;
};

export interface SessionEndpoint {
  /** Answers one exchange that passed the guards. Never rejects. */
  handle(inbound: Inbound): Promise<Reply>;
  /**
   * Refuses new work, and ends the streams that no call here writes to, so that their clients resume elsewhere. Resolves
   * when no call is in flight.
   */
  drain(): Promise<void>;
  /** Ends everything at once and closes every instance. Idempotent. */
  close(): Promise<void>;
  /** Closes so many instances that nobody uses, the ones used longest ago first. Says how many there were. */
  shedIdle(count: number): number;
  readonly stats: SessionEndpointStats;
}

const longCallMs = 1_000;

/**
 * Serves 2025-era clients over HTTP. Nothing lives only here but open sockets and warm instances: another node, or this
 * one after a restart, goes on with every session.
 */
export function createSessionEndpoint(init: SessionEndpointInit): SessionEndpoint {
  return new Endpoint(init);
}

class Endpoint implements SessionEndpoint {
  readonly #deps: SessionDeps;
  readonly #life: NodeLife;
  readonly #warm: WarmSessions;
  readonly #gate: SessionGate;
  readonly #exchanges: Exchanges;
  readonly #streams: GetStreams;
  readonly #posts: Posts;
  readonly #stateless: Stateless;
  readonly #stopListening: () => void;
  readonly #keeper: SessionKeeper;
  readonly #sweep: NodeJS.Timeout;
  readonly #clearing = new Set<Promise<void>>();
  /** What opens streams and ends sessions, and is bounded by the deadlines of the store. */
  readonly #answering = new Set<Promise<Reply>>();
  #draining = false;
  #closing: Promise<void> | undefined;

  constructor(init: SessionEndpointInit) {
    const { hold, instance, options } = init;
    const deps = makeDeps(init, resolveSessionOptions(options ?? {}));
    this.#deps = deps;
    this.#life = new NodeLife(deps.store, deps.ids.node, deps.onError);
    this.#warm = new WarmSessions({
      max: deps.options.maxWarmInstances,
      onEvicted: ({ id }) => deps.tell({ change: "evicted" }, id),
      onError: deps.onError,
    });
    this.#gate = new SessionGate(deps, this.#warm);
    this.#exchanges = new Exchanges(deps, this.#life);
    this.#streams = new GetStreams(deps, this.#warm, this.#life, this.#exchanges);
    const parks = async (): Promise<boolean> => (await deps.serving.get()?.exchange.canPark()) === true;
    const made: MakeInstance = (context) => instance({ ...context, era: "2025", connection: new Map(), parks });
    this.#stateless = new Stateless(deps, this.#exchanges, made);
    this.#posts = new Posts({
      deps,
      gate: this.#gate,
      exchanges: this.#exchanges,
      streams: this.#streams,
      rounds: new Rounds({ deps, starting: (streamId) => this.#exchanges.starting(streamId) }),
      rehydrator: new Rehydrator(deps, this.#warm, made),
      initializer: new Initializer(deps, this.#warm, this.#exchanges, made),
    });
    this.#keeper = new SessionKeeper(deps);
    // Often enough for sessions that may be idle for moments only.
    const sweepMs = Math.min(longCallMs, hold.sessionLifetime.idleMs / 10);
    this.#sweep = setInterval(() => this.#watchLongCalls(), sweepMs).unref();
    this.#stopListening = hold.onEnded(({ owner, kind, id, cause }) => {
      if (kind !== transportKind) return;
      this.#gate.forget(owner, id);
      this.#warm.end(owner, id);
      this.#streams.end(owner, id);
      if (cause === "ended") this.#clear(owner, id);
    });
  }

  get stats(): SessionEndpointStats {
    return {
      warm: this.#warm.size,
      ...this.#warm.figures,
      streams: this.#deps.slots.taken,
      callsInFlight: this.#exchanges.inFlight,
      callsTotal: this.#exchanges.total,
    };
  }

  shedIdle(count: number): number {
    return this.#warm.shed(count);
  }

  async handle(inbound: Inbound): Promise<Reply> {
    if (this.#closing !== undefined || (this.#draining && !isForCallsUnderWay(inbound))) return unavailable(1);
    try {
      if (this.#deps.options.stateless) return await this.#stateless.answer(inbound);
      return await (inbound.method === "POST"
        ? this.#posts.answer(inbound)
        : this.#kept(this.#answerBodiless(inbound)));
    } catch (error) {
      this.#deps.onError(error);
      return failure(error);
    }
  }

  async drain(): Promise<void> {
    this.#draining = true;
    this.#streams.endAll();
    await this.#exchanges.whenIdle();
    // What was parked or resumed meanwhile.
    await this.#streams.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#draining = true;
    this.#stopListening();
    clearInterval(this.#sweep);
    await Promise.allSettled(this.#answering);
    await this.#streams.close();
    await Promise.all([this.#warm.close(), this.#stateless.close()]);
    await Promise.all([this.#gate.idle(), ...this.#clearing]);
    await this.#life.close();
  }

  /** Until it is answered, so that a close finds the stream that is being opened, and leaves nobody at a closed store. */
  #kept(answer: Promise<Reply>): Promise<Reply> {
    const kept: Promise<Reply> = answer.finally(() => this.#answering.delete(kept));
    this.#answering.add(kept);
    return kept;
  }

  #clear(owner: Owner, id: string): void {
    const clearing: Promise<void> = clearCalls(this.#deps.store, owner, id)
      .catch(this.#deps.onError)
      .finally(() => this.#clearing.delete(clearing));
    this.#clearing.add(clearing);
  }

  /** A call that takes long may be cancelled by way of another node, and its session may end or grow old meanwhile. */
  #watchLongCalls(): void {
    const now = performance.now();
    for (const session of this.#warm.inUse()) {
      if (session.instance.waitsSince(longCallMs, now)) session.watchInbox();
      session.cutOverdue(this.#deps.options.endedGraceMs, now);
    }
    this.#keeper.keep(this.#waitedFor(now), now);
  }

  /** Sessions whose client waits here for a call: one that runs, or one that waits in the store for answers. */
  *#waitedFor(now: number): Iterable<KeptSession> {
    for (const session of this.#warm.inUse()) {
      if (!session.ended && session.instance.waitsSince(0, now)) yield session;
    }
    yield* this.#streams.ofCalls();
  }

  /** GET opens or resumes a stream, DELETE ends the session. */
  async #answerBodiless(inbound: Inbound): Promise<Reply> {
    const version = inbound.header("mcp-protocol-version");
    if (version !== undefined && !isSupported(version)) return unsupportedVersion(supportedVersions);
    const wireId = inbound.header("mcp-session-id");
    if (wireId === undefined) return sessionIdMissing();
    const session = await this.#gate.find(inbound.principal, wireId);
    if (session === undefined) return this.#gate.missed(inbound, wireId);
    if (inbound.method === "GET") return this.#streams.open(inbound, session);
    if (!(await endSession(this.#deps, session))) return sessionNotFound();
    await knownEverywhere(this.#deps);
    return { status: 200, headers: {} };
  }
}

/** Answers, cancellations and the like belong to calls that a drain is waiting for. */
function isForCallsUnderWay({ method, body }: Inbound): boolean {
  return method === "POST" && readBody(body)?.messages.every(({ type }) => type !== "request") === true;
}

function makeDeps(
  { hold, news: source, slots, missed, admission }: SessionEndpointInit,
  options: SessionOptions,
): SessionDeps {
  const onError = (error: unknown): void => {
    try {
      options.onError(error);
    } catch {
      // An error handler that fails has nobody left to tell.
    }
  };
  const deps = {
    hold,
    store: hold.store,
    options,
    onError,
    telemetry: hold.telemetry,
    tell: (change: SessionChange, id: string): void =>
      hold.telemetry.change({ ...change, kind: sessionKind, idHash: hashed(id) }),
    failurePoint: options[failurePoints],
    ids: new FleetIds(),
    missed: missed ?? new MissedIds(options.maxMissedIdsPerMinute),
    admission: admission ?? { refuseNew: () => undefined, refuseMore: () => undefined },
    slots: slots ?? new StreamSlots({ max: options.maxStreams, places: new OwnPlaces(options.maxStreamsPerPrincipal) }),
    serving: new ContextLocal<Serving>(),
    hint: (topic: string, hint: string): void => {
      try {
        hold.store.publish(topic, hint);
      } catch (error) {
        onError(error);
      }
    },
  };
  return { ...deps, news: source && new SessionNews(deps, source) };
}

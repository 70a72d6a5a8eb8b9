import type { JSONRPCMessage, JSONRPCRequest, McpServer, MessageExtraInfo } from "@modelcontextprotocol/server";

import { HoldfastError } from "../../record/errors.ts";
import type { Owner, Position, Version } from "../../record/record.ts";
import type { Principal } from "../../security/principal.ts";
import type { SessionDeps } from "./deps.ts";
import { Instance, type ParkedCall } from "./instance.ts";
import { knownEverywhere } from "./known-everywhere.ts";
import { type IncomingMessage, isRequest, type RpcId, type RpcResponse } from "./messages.ts";
import { OutputLog } from "./output-log.ts";
import type { PostExchange } from "./post-exchange.ts";
import { parkCall } from "./questions/park.ts";
import { Inbox } from "./routing/inbox.ts";
import { getStreamId } from "./stream-id.ts";
import { isAboutSubscriptions, keepSubscription } from "./subscriptions.ts";
import { inboxOf, type TransportDocument } from "./transport-record.ts";
import { changeTransport } from "./transport-store.ts";

/** What was last read of a session's transport record. */
export type SessionState = {
  readonly document: TransportDocument;
  readonly version: Version;
  /** Head of the inbox. */
  readonly inboxHead: Position;
};

/** Messages a server may send of its own accord before its client is ready for them; older ones give way. */
const maxHeld = 100;
const endedText = "The session has ended";

/**
 * A session with a connected server in this process. Nothing in it is lost with it: another node, or this one after a
 * restart, makes another from the session's records.
 */
export class WarmSession {
  readonly owner: Owner;
  readonly id: string;
  readonly principal: Principal;
  readonly log: OutputLog;
  readonly #deps: SessionDeps;
  #instance!: Instance;
  #state: SessionState | undefined;
  /** By the monotonic clock of the process. */
  #verifiedAt = Number.NEGATIVE_INFINITY;
  #held: JSONRPCMessage[] = [];
  #inbox: Inbox | undefined;
  #inboxAfter: Position = 0;
  /** By the monotonic clock of the process. */
  #endedAt: number | undefined;

  private constructor(deps: SessionDeps, owner: Owner, id: string, principal: Principal) {
    this.#deps = deps;
    this.owner = owner;
    this.id = id;
    this.principal = principal;
    this.log = new OutputLog(deps, owner, id);
  }

  static async connect(
    deps: SessionDeps,
    session: { readonly owner: Owner; readonly id: string; readonly principal: Principal },
    server: McpServer,
  ): Promise<WarmSession> {
    const warm = new WarmSession(deps, session.owner, session.id, session.principal);
    const host = {
      standalone: (message: JSONRPCMessage) => warm.#standalone(message),
      beforeResponse: (request: JSONRPCRequest, response: RpcResponse) => warm.#beforeResponse(request, response),
      onWaiting: () => warm.watchInbox(),
      onParked: (parked: ParkedCall) => warm.#park(parked),
    };
    warm.#instance = await Instance.connect(server, deps, host, session.id);
    return warm;
  }

  get instance(): Instance {
    return this.#instance;
  }

  get ended(): boolean {
    return this.#endedAt !== undefined;
  }

  /** Whether it can serve: neither is the session over nor its server closed. */
  get usable(): boolean {
    return !this.ended && !this.#instance.closed;
  }

  /** Undefined while the session is being created. */
  get state(): SessionState | undefined {
    return this.#state;
  }

  /** Whether the record was read so lately that it need not be read again. */
  trusted(now: number): boolean {
    return !this.ended && now - this.#verifiedAt <= this.#deps.options.trustMs;
  }

  /** Takes what was just read of the record, and brings the server up to it. */
  async verified(state: SessionState, now: number): Promise<void> {
    const before = this.#state;
    if (before !== undefined && before.version > state.version) return;
    this.#state = state;
    this.#verifiedAt = now;
    // What came while a call is under way may be its cancellation, which nobody here has looked for yet.
    const idle = this.#inbox === undefined && !this.#instance.waitsSince(0, performance.now());
    if (idle) this.#inboxAfter = Math.max(this.#inboxAfter, state.inboxHead);
    const { logLevel, phase } = state.document;
    // The client may have said at another node that it is ready.
    if (phase === "initialized" && this.#held.length > 0) this.release().catch(this.#deps.onError);
    if (logLevel !== undefined && logLevel !== before?.document.logLevel) await this.#applyLogLevel(logLevel);
  }

  /** Sends what the server said before the session existed or before its client was ready. */
  async release(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    for (const message of held) await this.#standalone(message);
  }

  serve(request: JSONRPCRequest, exchange: PostExchange, extra: MessageExtraInfo): void {
    this.#instance.dispatch(request, exchange, extra);
  }

  /** Hands a message from the client in. False if it is for another node. */
  take({ type, message }: Exclude<IncomingMessage, { type: "request" }>, extra: MessageExtraInfo): boolean {
    return type === "response" ? this.#instance.answer(message, extra) : this.#instance.notify(message, extra);
  }

  /** Whether a request with this id was answered here of late. */
  hasAnswered(id: RpcId): boolean {
    return this.#instance.hasAnswered(id);
  }

  /** Starts looking for answers and cancellations that arrive at other nodes, unless it does so already. */
  watchInbox(): void {
    if (this.#state === undefined || this.ended || this.#inbox?.stopped === false) return;
    this.#inboxAfter = Math.max(this.#inboxAfter, this.#inbox?.after ?? 0);
    this.#inbox = new Inbox(
      {
        deps: this.#deps,
        ...inboxOf(this),
        after: this.#inboxAfter,
        take: (incoming) => {
          if (incoming.type !== "request") this.take(incoming, {});
        },
        missed: () =>
          this.#instance.failPending("An answer of the client was lost among too many; it may be asked again"),
        wanted: () => this.#instance.waitsSince(0, performance.now()),
      },
      this.#deps.options.pollMs,
    );
  }

  /** The session is over: calls in flight may finish and are answered, nothing new begins. */
  end(): void {
    if (this.ended) return;
    this.#endedAt = performance.now();
    this.#held = [];
    this.#instance.failPending(endedText);
  }

  /** Ends the calls of a session that has been over for longer: their client can cancel them no more. */
  cutOverdue(graceMs: number, now: number): void {
    if (this.#endedAt !== undefined && now - this.#endedAt >= graceMs) this.#instance.cutCalls(-32000, endedText);
  }

  async close(): Promise<void> {
    this.#inbox?.stop();
    await this.#instance.close();
  }

  #park(parked: ParkedCall): Promise<void> {
    const capabilities = this.#state?.document.capabilities ?? {};
    return parkCall(this.#deps, { owner: this.owner, id: this.id, capabilities }, parked);
  }

  async #applyLogLevel(level: string): Promise<void> {
    const request = { jsonrpc: "2.0", id: "holdfast-level", method: "logging/setLevel", params: { level } } as const;
    await this.#instance.ask(request, this.#deps.options.deadlineMs);
  }

  async #standalone(message: JSONRPCMessage): Promise<void> {
    if (this.ended) throw new HoldfastError("NOT_FOUND", "the session is over; nobody hears this");
    const state = this.#state;
    if (state === undefined || (state.document.phase === "initializing" && !isEarly(message))) {
      this.#held.push(message);
      if (this.#held.length > maxHeld) this.#held.shift();
      return;
    }
    const entry = {
      streamId: getStreamId(state.document.secretHash),
      tag: "message",
      payload: JSON.stringify(message),
    } as const;
    await this.log.append([entry]);
  }

  /** A log level that was set, or a subscription, has to hold on every node before the client is told so. */
  #beforeResponse(request: JSONRPCRequest, response: RpcResponse): Promise<void> | undefined {
    if (!("result" in response)) return undefined;
    if (request.method === "logging/setLevel") return this.#keepLevel(String(request.params?.["level"]));
    return isAboutSubscriptions(request) ? keepSubscription(this.#deps, this.#deps.news, this, request) : undefined;
  }

  async #keepLevel(logLevel: string): Promise<void> {
    const changed = await changeTransport(this.#deps, this.owner, this.id, (standing) => ({ ...standing, logLevel }));
    if (changed === undefined) return;
    if (this.#state !== undefined) this.#state = { ...this.#state, ...changed };
    await knownEverywhere(this.#deps);
  }
}

/** What may go out before the client has said that it is ready. */
function isEarly(message: JSONRPCMessage): boolean {
  if (!("method" in message)) return false;
  return isRequest(message) ? message.method === "ping" : message.method === "notifications/message";
}

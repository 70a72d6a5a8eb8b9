import type { JSONRPCRequest, MessageExtraInfo } from "@modelcontextprotocol/server";

import type { Inbound, Reply } from "../exchange.ts";
import { invalidRequest } from "../http/answers.ts";
import { callerOf } from "../rates/rates.ts";
import {
  alreadyInitialized,
  batchNotAllowed,
  sessionIdMissing,
  sessionNotFound,
  unsupportedVersion,
} from "./answers.ts";
import { readBody } from "./body.ts";
import { extraOf } from "./caller.ts";
import { CallGuard } from "./calls/call-guard.ts";
import { endCall } from "./calls/end-call.ts";
import type { SessionDeps } from "./deps.ts";
import type { Exchanges } from "./exchanges.ts";
import type { GetStreams } from "./get-streams.ts";
import type { Initializer } from "./initialize.ts";
import { errorResponse, type IncomingMessage, isRpcId } from "./messages.ts";
import type { PostExchange } from "./post-exchange.ts";
import type { Resumption, Rounds } from "./questions/rounds.ts";
import type { Rehydrator } from "./rehydrate.ts";
import { isFleetId } from "./routing/ids.ts";
import { putInInbox } from "./routing/inbox.ts";
import { fleetToken } from "./routing/pending.ts";
import type { OpenSession, SessionGate } from "./session-gate.ts";
import { inboxOf } from "./transport-record.ts";
import { changeTransport } from "./transport-store.ts";
import { hasBatches, isSupported, primes, supportedVersions } from "./versions.ts";
import type { WarmSession } from "./warm-session.ts";

export type PostInit = {
  readonly deps: SessionDeps;
  readonly gate: SessionGate;
  readonly initializer: Initializer;
  readonly rehydrator: Rehydrator;
  readonly exchanges: Exchanges;
  readonly streams: GetStreams;
  readonly rounds: Rounds;
};

/** Characters of the reason that a cancellation takes along to another node. */
const maxReason = 200;

type Told = Exclude<IncomingMessage, { type: "request" }>;

/** Answers POSTs of sessions. */
export class Posts {
  readonly #init: PostInit;

  constructor(init: PostInit) {
    this.#init = init;
  }

  async answer(inbound: Inbound): Promise<Reply> {
    const read = readBody(inbound.body);
    if (read === undefined) return invalidRequest("not a JSON-RPC message, or an empty batch");
    const { messages, batch } = read;
    const requests = messages.flatMap((incoming) => (incoming.type === "request" ? [asSent(incoming.message)] : []));
    const initialize = requests.find(({ method }) => method === "initialize");
    if (initialize !== undefined && batch) return invalidRequest("initialize stands alone, not in a batch");

    const version = inbound.header("mcp-protocol-version");
    if (initialize === undefined && version !== undefined) {
      if (!isSupported(version)) return unsupportedVersion(supportedVersions);
      if (batch && !hasBatches(version)) return batchNotAllowed();
    }
    const wireId = inbound.header("mcp-session-id");
    if (wireId === undefined) {
      return initialize === undefined ? sessionIdMissing() : this.#init.initializer.answer(inbound, initialize);
    }
    const session = await this.#init.gate.find(inbound.principal, wireId);
    if (session === undefined) return this.#init.gate.missed(inbound, wireId);
    if (initialize !== undefined) return alreadyInitialized();
    if (batch && !hasBatches(session.document.protocolVersion)) return batchNotAllowed();
    return this.#serve(inbound, session, messages, requests, batch);
  }

  async #serve(
    inbound: Inbound,
    session: OpenSession,
    messages: readonly IncomingMessage[],
    requests: readonly JSONRPCRequest[],
    batch: boolean,
  ): Promise<Reply> {
    const extra: MessageExtraInfo = extraOf(inbound);
    const refused = requests.length > 0 ? this.#init.rehydrator.refuse(session) : undefined;
    if (refused !== undefined) return refused;
    for (const incoming of messages) {
      if (incoming.type === "request") continue;
      const taken = await this.#tell(session, incoming, extra);
      if (!taken) return sessionNotFound();
    }
    if (requests.length === 0) return { status: 202, headers: {} };
    const warm = await this.#init.rehydrator.use(session);
    return this.#call(inbound, session, warm, requests, batch, extra);
  }

  /** False if the session ended meanwhile. */
  async #tell(session: OpenSession, told: Told, extra: MessageExtraInfo): Promise<boolean> {
    const { deps, rehydrator } = this.#init;
    const method = told.type === "notification" ? told.message.method : undefined;
    if (method === "notifications/initialized" && !(await this.#becomeReady(session))) return false;
    if (told.type === "response" || method === "notifications/cancelled" || method === "notifications/progress") {
      const warm = rehydrator.peek(session);
      if (warm?.take(told, extra) === true) return true;
      const message = forAnotherNode(deps, told, warm);
      if (await this.#tellWaiting(session, told, message, extra)) return true;
      return message === undefined || putInInbox(deps, inboxOf(session), message);
    }
    await rehydrator.using(session, async (warm) => {
      warm.take(told, extra);
      if (method === "notifications/initialized") await warm.release();
    });
    return true;
  }

  /** Whether a message is about a call that waits in the store; if so it was dealt with. */
  async #tellWaiting(session: OpenSession, told: Told, elsewhere: unknown, extra: MessageExtraInfo): Promise<boolean> {
    const { deps, rounds } = this.#init;
    if (told.type === "response") {
      const { known, resumption } = await rounds.answer(session, told.message);
      if (resumption !== undefined) this.#resume(session, resumption, extra).catch(deps.onError);
      return known;
    }
    const { progressToken, requestId } = told.message.params ?? {};
    if (told.message.method === "notifications/progress") return rounds.progress(session, progressToken);
    return elsewhere !== undefined && isRpcId(requestId) && (await rounds.cancel(session, requestId));
  }

  /** From now on the server may say what it wants, on every node. */
  async #becomeReady(session: OpenSession): Promise<boolean> {
    const { deps, rehydrator } = this.#init;
    if (session.document.phase === "initialized") return true;
    const changed = await changeTransport(deps, session.owner, session.id, (standing) => ({
      ...standing,
      phase: "initialized",
    }));
    if (changed === undefined) return false;
    await rehydrator.peek(session)?.verified({ ...changed, inboxHead: session.inboxHead }, performance.now());
    return true;
  }

  #call(
    inbound: Inbound,
    session: OpenSession,
    warm: WarmSession,
    requests: readonly JSONRPCRequest[],
    batch: boolean,
    extra: MessageExtraInfo,
  ): Promise<Reply> {
    const { exchanges, rehydrator, streams } = this.#init;
    const exchange = exchanges.open({
      session,
      counted: callerOf(inbound.principal, inbound.address),
      log: warm.log,
      requests: requests.map(({ id }) => id),
      batch,
      signal: inbound.signal,
      handOver: (live, streamId, after) => streams.adopt(session, live, streamId, after),
      onDone: () => rehydrator.done(warm),
    });
    const withClosing = this.#withClosing(extra, session, exchange);
    for (const request of requests) warm.serve(request, exchange, withClosing);
    return exchange.reply;
  }

  /** Goes on with a call whose client has answered. Its stream is read from the log by whoever has it. */
  async #resume(session: OpenSession, resumption: Resumption, extra: MessageExtraInfo): Promise<void> {
    const { deps, exchanges, rehydrator } = this.#init;
    const { streamId, request, round, standing, started } = resumption;
    try {
      const warm = await rehydrator.use(session);
      const exchange = exchanges.open({
        session,
        log: warm.log,
        requests: [request.id],
        batch: false,
        continues: { guard: new CallGuard(streamId, standing), round },
        onDone: () => rehydrator.done(warm),
      });
      warm.serve(request, exchange, this.#withClosing(extra, session, exchange));
    } catch (error) {
      const answers = [errorResponse(request.id, -32603, "The call could not be gone on with; it may be repeated")];
      await endCall(deps, session, { streamId, version: standing.version, answers });
      throw error;
    } finally {
      started();
    }
  }

  /** Lets a handler have its client poll, where the client can come back for the stream. */
  #withClosing(extra: MessageExtraInfo, session: OpenSession, exchange: PostExchange): MessageExtraInfo {
    const { deps, streams } = this.#init;
    if (!primes(session.document.protocolVersion) || deps.options.response === "json") return extra;
    return {
      ...extra,
      closeSSEStream: () => {
        exchange.closeStream();
        streams.closeCall(session, exchange.streamId);
      },
      closeStandaloneSSEStream: () => streams.closeOwn(session),
    };
  }
}

/** A request without what only the server may put in: answers to questions, and the state they belong to. */
function asSent(request: JSONRPCRequest): JSONRPCRequest {
  const { params } = request;
  if (params === undefined || !("inputResponses" in params || "requestState" in params)) return request;
  const { inputResponses: _answers, requestState: _state, ...rest } = params;
  return { ...request, params: rest };
}

/** What of a message that nobody here waits for could be meant for another node; undefined if nothing. */
function forAnotherNode({ ids }: SessionDeps, told: Told, warm: WarmSession | undefined): unknown {
  if (told.type === "notification" && told.message.method === "notifications/cancelled") {
    const { requestId, reason } = told.message.params ?? {};
    // One that came too late, or cancels nothing, is no other node's business, and not worth a write.
    if (!isRpcId(requestId) || warm?.hasAnswered(requestId) === true) return undefined;
    const short = typeof reason === "string" ? { reason: reason.slice(0, maxReason) } : {};
    return { jsonrpc: "2.0", method: told.message.method, params: { requestId, ...short } };
  }
  const id = told.type === "response" ? told.message.id : fleetToken(told.message);
  return isFleetId(id) && !ids.isOwn(id) ? told.message : undefined;
}

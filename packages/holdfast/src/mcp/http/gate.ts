/**
 * The way in: every request of every face passes these checks, cheapest first, before a server or the store hears of
 * it. What is refused here has left nothing behind.
 */
import { isAnonymous } from "../../security/anonymous.ts";
import type { AuthRequest } from "../../security/authenticate.ts";
import { bearerChallenge } from "../../security/challenge.ts";
import { localUser, type Principal } from "../../security/principal.ts";
import type { ConnectionRegistry, Release } from "../connections.ts";
import type { Inbound, Reply } from "../exchange.ts";
import type { ResolvedServeOptions } from "../options.ts";
import { callerOf, type Rates } from "../rates/rates.ts";
import { missingForMessage } from "../tool-scopes.ts";
import { Addresses } from "./addresses.ts";
import { type AllowList, hostAllowList, originAllowList } from "./allow-lists.ts";
import {
  bodyTooLarge,
  errorReply,
  forbidden,
  methodNotAllowed,
  notAcceptable,
  parseError,
  replyToFailure,
  tooMuchAtOnce,
  unavailable,
  unsupportedMediaType,
} from "./answers.ts";
import { checkBody, type ParsedBody, parseBody } from "./body.ts";
import { type Era, eraOf, namesStatelessEra } from "./era.ts";
import { type Crowded, InFlight, type Passage } from "./in-flight.ts";
import { accepts, mediaTypeOf } from "./media-types.ts";
import { type StreamWatch, watchStream } from "./stream-watch.ts";

/** A request as a face hands it over: head known, body perhaps not read yet. */
export interface Arrival {
  readonly method: string;
  /** Absolute, or from the path on. */
  readonly url: string;
  /** By lower-case name. */
  header(name: string): string | undefined;
  /** Aborted when the client's connection is gone. */
  readonly signal: AbortSignal;
  /** Where the connection comes from, where that is known. */
  readonly address?: string | undefined;
  /** False if the connection is known to come from another machine. */
  readonly fromThisMachine: boolean;
  /** Who is asking, where the application around us has found out already. */
  readonly principal?: Principal | undefined;
  /** The body, where somebody else has read and parsed it. */
  readonly parsed?: { readonly body: unknown } | undefined;
  /** Tells connections of this process apart; undefined where nothing is known of them. */
  readonly connection?: string | undefined;
  /** Reads the body, up to so many bytes, each part of it as long as there is room for it. */
  readBody(maxBytes: number, hasRoom: (bytes: number) => boolean): Promise<BodyRead>;
  /** The same as a web request whose body has been read. */
  request(): Request;
}

/** A body that was read; or was longer than it may be; or found no room; or is no UTF-8; or broke off with its client. */
export type BodyRead = { readonly text: string } | "too large" | "no room" | "not text" | "gone";

/** What serves requests once they have passed. */
export type Servers = {
  readonly sessions: { handle(inbound: Inbound): Promise<Reply> };
  readonly stateless: { handle(inbound: Inbound): Promise<Reply | Response> };
  /** Whether a session is what `Mcp-Session-Id` names. Default: yes. */
  readonly byHeader?: boolean;
};

/** An answer, and what to call once it has been sent or can no longer be. */
export type Outcome = { readonly answer: Reply | Response; readonly finished: Release };

/** Who is asking; and, where that was told by a token, how to find out whether it still stands. */
type Known = {
  readonly principal: Principal;
  readonly resourceMetadata?: string | undefined;
  readonly watch?: StreamWatch;
};

/** What several gates of one node have in common. */
export type GateShares = {
  readonly rates?: Rates | undefined;
  readonly addresses?: Addresses;
  readonly inFlight?: InFlight;
};

const nothing: Release = () => undefined;

export class Gate {
  readonly #options: ResolvedServeOptions;
  readonly #servers: Servers;
  readonly #connections: ConnectionRegistry;
  readonly #rates: Rates | undefined;
  readonly #addresses: Addresses;
  readonly #inFlight: InFlight;
  readonly #hosts: AllowList;
  readonly #origins: AllowList;
  #state: "open" | "draining" | "closed" = "open";

  constructor(
    options: ResolvedServeOptions,
    servers: Servers,
    connections: ConnectionRegistry,
    { rates, addresses = new Addresses(), inFlight = new InFlight(options.limits) }: GateShares = {},
  ) {
    this.#options = options;
    this.#servers = servers;
    this.#connections = connections;
    this.#addresses = addresses;
    this.#inFlight = inFlight;
    this.#rates = rates;
    this.#hosts = hostAllowList(options.allowedHosts);
    this.#origins = originAllowList(options.allowedOrigins);
  }

  /** From now on new work is refused, and only what calls under way need is let in. */
  drain(): void {
    if (this.#state === "open") this.#state = "draining";
  }

  /** From now on everything is refused. */
  close(): void {
    this.#state = "closed";
  }

  /** Answers one request. Never rejects. */
  async handle(arrival: Arrival): Promise<Outcome> {
    try {
      const refused = this.#refuseHead(arrival);
      if (refused !== undefined) return refusal(refused);
      const caller = await this.#caller(arrival);
      if ("refused" in caller) return refusal(caller.refused);
      const hasty = await this.#refuseHaste(arrival, caller.principal, 1);
      if (hasty !== undefined) return refusal(hasty);
      const unfit = this.#refuseTypes(arrival);
      if (unfit !== undefined) return refusal(unfit);
      return await this.#admit(arrival, caller);
    } catch (error) {
      this.#options.onError(error);
      return refusal(replyToFailure(error));
    }
  }

  /** Takes the request in hand, as long as there is room for one more, until its answer has been sent. */
  async #admit(arrival: Arrival, caller: Known): Promise<Outcome> {
    if (arrival.method !== "POST") return await this.#answer(arrival, caller, undefined);
    const passage = this.#inFlight.begin(callerOf(caller.principal, arrival.address));
    if (typeof passage === "string") return refusal(tooMuchAtOnce(passage));
    try {
      const read = await this.#body(arrival, passage);
      const outcome = "refused" in read ? refusal(read.refused) : await this.#answer(arrival, caller, read.body);
      // Streams of subscriptions are counted as streams.
      if ("body" in read && isSubscription(read.body)) passage.leave();
      const finished = (): void => {
        passage.end();
        outcome.finished();
      };
      return { answer: outcome.answer, finished };
    } catch (error) {
      passage.end();
      throw error;
    }
  }

  async #answer(arrival: Arrival, caller: Known, body: unknown): Promise<Outcome> {
    const more = Array.isArray(body) ? body.length - 1 : 0;
    const hasty = more > 0 ? await this.#refuseHaste(arrival, caller.principal, more) : undefined;
    if (hasty !== undefined) return refusal(hasty);
    const barred = missingForMessage(body, caller.principal, this.#options.toolScopes);
    if (barred !== undefined) return refusal(insufficientScope(barred, caller.resourceMetadata));
    const { answer, finished } = await this.#serve(arrival, caller.principal, body);
    return { answer: caller.watch === undefined ? answer : watchStream(answer, caller.watch), finished };
  }

  #refuseHead(arrival: Arrival): Reply | undefined {
    const { method } = arrival;
    const sessions = !this.#options.stateless;
    const statelessEra = method !== "POST" && namesStatelessEra(arrival.header("mcp-protocol-version"));
    if (method !== "POST" && !(sessions && (method === "GET" || method === "DELETE"))) {
      return methodNotAllowed(sessions ? "GET, POST, DELETE" : "POST");
    }
    if (statelessEra) return methodNotAllowed("POST");
    if (!this.#hosts(arrival.header("host"))) return forbidden("Forbidden: this host name is not served here");
    if (!this.#origins(arrival.header("origin"))) return forbidden("Forbidden: this origin is not allowed");
    if (this.#state === "closed" || (this.#state === "draining" && method !== "POST")) return unavailable();
    const { maxBodyBytes } = this.#options.limits;
    if (Number(arrival.header("content-length") ?? 0) > maxBodyBytes) return bodyTooLarge(maxBodyBytes);
    const encoding = arrival.header("content-encoding")?.trim().toLowerCase() ?? "";
    if (encoding !== "" && encoding !== "identity") return unsupportedMediaType("bodies are taken uncompressed");
    return undefined;
  }

  async #caller(arrival: Arrival): Promise<Known | { readonly refused: Reply }> {
    if (arrival.principal !== undefined) return { principal: arrival.principal };
    const { authenticate } = this.#options;
    if (authenticate === undefined) {
      if (arrival.fromThisMachine) return { principal: localUser };
      return { refused: forbidden("Forbidden: without authentication only this machine is served") };
    }
    const request: AuthRequest = {
      header: (name) => arrival.header(name.toLowerCase()),
      url: arrival.url,
      method: arrival.method,
    };
    const ask: StreamWatch["ask"] = () => authenticate(request);
    const answer = await ask();
    if (answer.ok) {
      const { principal, resourceMetadata } = answer;
      const { limits, onError } = this.#options;
      return { principal, resourceMetadata, watch: { principal, ask, everyMs: limits.reauthenticateMs, onError } };
    }
    const challenge = answer.challenge ?? (answer.status === 401 ? "Bearer" : 'Bearer error="insufficient_scope"');
    return {
      refused: errorReply(answer.status, -32000, answer.message, { headers: { "www-authenticate": challenge } }),
    };
  }

  /**
   * A connection is what a session's id names, or without one the client's link to this process. Where no session is looked
   * for, an id is anything that somebody likes to send, and would be a connection of its own each time.
   */
  #refuseHaste(arrival: Arrival, principal: Principal, calls: number): Promise<Reply | undefined> | undefined {
    if (this.#rates === undefined) return undefined;
    const named = this.#servers.byHeader !== false && !namesStatelessEra(arrival.header("mcp-protocol-version"));
    const sessionId = named ? arrival.header("mcp-session-id") : undefined;
    const connection = sessionId ?? arrival.connection ?? "";
    return this.#rates.refuse(callerOf(principal, arrival.address), connection, calls);
  }

  #refuseTypes(arrival: Arrival): Reply | undefined {
    const accept = arrival.header("accept");
    const json = accepts(accept, "application/json");
    const stream = accepts(accept, "text/event-stream");
    if (arrival.method === "GET") return stream ? undefined : notAcceptable("text/event-stream");
    if (arrival.method !== "POST") return undefined;
    // Where answers are pinned to JSON nothing streams, so nobody has to be able to read a stream.
    if (!json || !(stream || this.#options.response === "json")) {
      return notAcceptable("both application/json and text/event-stream");
    }
    if (mediaTypeOf(arrival.header("content-type")) === "application/json") return undefined;
    return unsupportedMediaType("Content-Type must be application/json");
  }

  async #body(arrival: Arrival, passage: Passage): Promise<ParsedBody> {
    const { limits } = this.#options;
    if (arrival.parsed !== undefined) return checkBody(arrival.parsed.body, limits);
    let crowded: Crowded | undefined;
    const read = await arrival.readBody(limits.maxBodyBytes, (bytes) => {
      crowded = passage.grow(bytes);
      return crowded === undefined;
    });
    if (read === "no room") return { refused: tooMuchAtOnce(crowded ?? "node_bodies") };
    if (read === "too large") return { refused: bodyTooLarge(limits.maxBodyBytes) };
    return typeof read === "string" ? { refused: parseError() } : parseBody(read.text, limits);
  }

  async #serve(arrival: Arrival, principal: Principal, body: unknown): Promise<Outcome> {
    const era: Era = arrival.method === "POST" ? eraOf(body, (name) => arrival.header(name)) : "2025";
    // Answers to questions, cancellations and the like belong to calls that a drain is waiting for.
    if (this.#state === "closed" || (this.#state === "draining" && bringsWork(body))) return refusal(unavailable());
    const finished = arrival.method === "POST" && !isSubscription(body) ? this.#connections.exchange() : nothing;
    const inbound = inboundOf(arrival, principal, body, this.#addresses);
    try {
      const { sessions, stateless } = this.#servers;
      if (era === "2025") return { answer: await sessions.handle(inbound), finished };
      const answer = await stateless.handle(inbound);
      // The SDK's word for an exchange that was ended from outside; a client that is still there can try elsewhere.
      return { answer: answer.status === 499 ? unavailable() : answer, finished };
    } catch (error) {
      finished();
      throw error;
    }
  }
}

function insufficientScope(scopes: readonly string[], resourceMetadata: string | undefined): Reply {
  const challenge = bearerChallenge({ error: "insufficient_scope", scopes, resourceMetadata });
  const headers = { "www-authenticate": challenge };
  return errorReply(403, -32000, `Forbidden: this call needs the scope ${scopes.join(" ")}`, { headers });
}

function refusal(answer: Reply): Outcome {
  return { answer, finished: nothing };
}

function inboundOf(arrival: Arrival, principal: Principal, body: unknown, addresses: Addresses): Inbound {
  return {
    // Other methods were refused above.
    method: arrival.method as Inbound["method"],
    header: (name) => arrival.header(name),
    principal,
    address: arrival.address,
    body,
    signal: arrival.signal,
    // Of everybody else it is known who they are.
    request: isAnonymous(principal)
      ? () => addresses.note(arrival.request(), arrival.address)
      : () => arrival.request(),
  };
}

/** Whether a message asks for something, rather than answering or telling something. */
function bringsWork(body: unknown): boolean {
  if (Array.isArray(body)) return body.some(bringsWork);
  return typeof body !== "object" || body === null || ("method" in body && "id" in body);
}

/** Streams of subscriptions stay open until they are closed: nobody may wait for them. */
function isSubscription(body: unknown): boolean {
  return typeof body === "object" && body !== null && "method" in body && body.method === "subscriptions/listen";
}

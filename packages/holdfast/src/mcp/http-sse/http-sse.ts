/**
 * The deprecated HTTP+SSE transport (2024-11-05): a client opens a stream with GET, is told where to send, and sends its
 * messages there, each a POST of its own. The stream belongs to one node; the messages may arrive at any.
 *
 * The SDK's own transport for it takes a response object of Node's and knows its own process only. This one stands behind
 * the same gate as every other way in, and counts against the same limits.
 */
import { anonymousPrincipal, isAnonymous } from "../../security/anonymous.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { transportKind } from "../../state/sessions/connection.ts";
import type { EventBus } from "../bus/bus.ts";
import type { Inbound, Reply } from "../exchange.ts";
import { forwardEvents } from "../forward-events.ts";
import { errorReply, invalidRequest, methodNotAllowed, unavailable } from "../http/answers.ts";
import type { InstanceFactory } from "../instance.ts";
import type { ResolvedServeOptions } from "../options.ts";
import type { Admission } from "../pressure/admission.ts";
import { callerOf } from "../rates/rates.ts";
import { failure, sessionNotFound, tooManyMisses, tooManyStreams } from "../sessions/answers.ts";
import { extraOf } from "../sessions/caller.ts";
import type { SessionDeps } from "../sessions/deps.ts";
import type { SessionHold } from "../sessions/hold.ts";
import { LiveStream } from "../sessions/live-stream.ts";
import { readMessage } from "../sessions/messages.ts";
import { guesserOf, type MissedIds } from "../sessions/missed-ids.ts";
import { putInInbox } from "../sessions/routing/inbox.ts";
import type { StreamSlots } from "../sessions/slots.ts";
import { streamHeaders } from "../sessions/sse.ts";
import { formatWireId, mintWireId, parseWireId } from "../sessions/wire-id.ts";
import { Subscribed } from "../subscribed.ts";
import { Connection } from "./connection.ts";
import { bondOf, createRecord, inboxOfConnection, isBound, readBond } from "./connection-record.ts";

export type HttpSseDeps = Pick<SessionDeps, "hold" | "store" | "hint" | "onError">;

export type HttpSseInit = {
  readonly hold: SessionHold;
  readonly instance: InstanceFactory;
  readonly bus: EventBus;
  /** Streams of this node, counted with those of the other transport. */
  readonly slots: StreamSlots;
  /** Ids of no session that were presented to this node, counted with those of the other transport. */
  readonly missed: MissedIds;
  readonly admission: Pick<Admission, "refuseNew">;
  readonly options: ResolvedServeOptions;
};

const maxStreamBufferBytes = 4 * 1024 * 1024;
const deadlineMs = 10_000;
/** A stream that ends ends its connection, so age alone is no reason. */
const noAgeMs = Number.MAX_SAFE_INTEGER;

export class HttpSse {
  readonly #init: HttpSseInit;
  readonly #deps: HttpSseDeps;
  readonly #connections = new Map<string, Connection>();
  readonly #closing = new Set<Promise<void>>();
  readonly #stopListening: () => void;
  #closed = false;

  constructor(init: HttpSseInit) {
    const { hold, options } = init;
    this.#init = init;
    this.#deps = {
      hold,
      store: hold.store,
      onError: options.onError,
      hint: (topic, hint) => hold.store.publish(topic, hint),
    };
    this.#stopListening = hold.onEnded(({ owner, kind, id }) => {
      const connection = this.#connections.get(id);
      if (kind === transportKind && connection?.owner === owner) connection.doubt();
    });
  }

  /** Connections whose stream is open here, each with an instance of its own. */
  get open(): number {
    return this.#connections.size;
  }

  /** Answers one exchange that passed the guards. Never rejects. */
  async handle(inbound: Inbound): Promise<Reply> {
    try {
      switch (inbound.method) {
        case "GET":
          return await this.#open(inbound);
        case "POST":
          return await this.#take(inbound);
        case "DELETE":
          return methodNotAllowed("GET, POST");
      }
    } catch (error) {
      this.#deps.onError(error);
      return failure(error);
    }
  }

  /** Ends every stream; resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopListening();
    for (const connection of this.#connections.values()) connection.end();
    await Promise.all(this.#closing);
  }

  async #open({ principal: caller, address, signal }: Inbound): Promise<Reply> {
    if (this.#closed) return unavailable();
    const { hold, instance, bus, slots, admission, options } = this.#init;
    const refused = admission.refuseNew();
    if (refused !== undefined) return refused;
    const id = mintWireId();
    const principal = holderOf(caller, id.handle);
    const owner = ownerOfPrincipal(principal);
    const place = await slots.take(callerOf(caller, address));
    if (typeof place === "string") return tooManyStreams(slots.refuse(place));
    const bond = bondOf(principal, id);
    let connection: Connection | undefined;
    const live = new LiveStream({
      keepAliveMs: options.limits.keepAliveMs,
      maxAgeMs: noAgeMs,
      maxBufferBytes: maxStreamBufferBytes,
      signal,
      onClosed: () => {
        place.giveBack();
        if (connection !== undefined) this.#close(connection);
      },
    });
    place.whenLost(() => live.end());
    try {
      await createRecord(hold.store, principal, id.handle, bond);
      connection = new Connection({ deps: this.#deps, principal, id, bond, live });
      this.#connections.set(id.handle, connection);
      const subscribed = new Subscribed();
      const server = instance({
        principal,
        session: hold.sessions(principal).open(id.handle),
        connection: new Map(),
        era: "2025",
        onSubscription: (uri, on) => subscribed.change(uri, on),
      });
      await connection.connect(server);
      forwardEvents({ bus, onError: this.#deps.onError, server, owner, subscribed: subscribed.uris });
    } catch (error) {
      live.discard();
      throw error;
    }
    live.write(`event: endpoint\ndata: ${endpointFor(options.httpSse.messages, formatWireId(id))}\n\n`);
    // Its client may have gone while all this was made, or the node begun to end.
    if (this.#closed) live.discard();
    if (live.closed) this.#close(connection);
    return { status: 200, headers: streamHeaders, body: live };
  }

  async #take(inbound: Inbound): Promise<Reply> {
    const presented = new URL(inbound.request().url).searchParams.get("sessionId");
    if (presented === null) return errorReply(400, -32000, "Bad Request: the sessionId parameter is required");
    const wireId = parseWireId(presented);
    if (wireId === undefined) return this.#notFound(inbound, presented);
    const principal = holderOf(inbound.principal, wireId.handle);
    const owner = ownerOfPrincipal(principal);
    const here = this.#connections.get(wireId.handle);
    const local = here?.owner === owner ? here : undefined;
    const bond =
      local?.bond ?? (await readBond(this.#deps.store, owner, wireId.handle, AbortSignal.timeout(deadlineMs)));
    if (bond === undefined || !isBound(bond, principal, wireId.secret)) return this.#notFound(inbound, presented);
    const message = readMessage(inbound.body);
    if (message === undefined) return invalidRequest("not a JSON-RPC message");
    const taken =
      local === undefined
        ? await putInInbox(this.#deps, inboxOfConnection(owner, wireId.handle), message.message)
        : await local.take(message, extraOf(inbound));
    return taken ? accepted : sessionNotFound();
  }

  /** Unknown, over, malformed and foreign are one answer. */
  #notFound(inbound: Inbound, presented: string): Reply {
    const waitSeconds = this.#init.missed.note(guesserOf(inbound), presented);
    return waitSeconds === undefined ? sessionNotFound() : tooManyMisses(waitSeconds);
  }

  #close(connection: Connection): void {
    if (this.#connections.get(connection.handle) === connection) this.#connections.delete(connection.handle);
    const closing: Promise<void> = connection.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

const accepted: Reply = { status: 202, headers: { "content-type": "text/plain" }, body: "Accepted" };

/** Where the client is to send: what it is told may have a query already. */
function endpointFor(messages: string, wireId: string): string {
  return `${messages}${messages.includes("?") ? "&" : "?"}sessionId=${wireId}`;
}

/** Nobody knows an anonymous caller but by the connection that it was given. */
function holderOf(principal: Principal, handle: string): Principal {
  return isAnonymous(principal) ? anonymousPrincipal(handle) : principal;
}

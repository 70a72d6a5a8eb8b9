import type { JSONRPCMessage, JSONRPCRequest, McpServer, MessageExtraInfo } from "@modelcontextprotocol/server";

import { slideIsDue } from "../../record/decide.ts";
import { isHoldfastError } from "../../record/errors.ts";
import type { Owner } from "../../record/record.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { connectionSlide } from "../../state/sessions/connection.ts";
import { authInfoOf } from "../auth-info.ts";
import { createConnectionSession } from "../sessions/create-session.ts";
import { negotiatedIn } from "../sessions/initialize.ts";
import { InstanceTransport } from "../sessions/instance-transport.ts";
import type { LiveStream } from "../sessions/live-stream.ts";
import { errorResponse, type IncomingMessage, isRequest, isResponse } from "../sessions/messages.ts";
import { sessionDefaults } from "../sessions/options.ts";
import { Inbox } from "../sessions/routing/inbox.ts";
import { messageEvent } from "../sessions/sse.ts";
import { transportKey } from "../sessions/transport-record.ts";
import type { WireId } from "../sessions/wire-id.ts";
import { type Bond, beatMs, endRecord, inboxOfConnection, keepAlive } from "./connection-record.ts";
import type { HttpSseDeps } from "./http-sse.ts";

export type ConnectionInit = {
  readonly deps: HttpSseDeps;
  readonly principal: Principal;
  readonly id: WireId;
  readonly bond: Bond;
  readonly live: LiveStream;
};

/** As on every other way in. */
const { trustMs, endedGraceMs } = sessionDefaults;
/** How often the inbox is looked into without a hint. */
const pollMs = 2_000;

/**
 * One client of the HTTP+SSE transport, at the node that has its stream: its server, and what keeps both known to the
 * other nodes. It ends with its stream, which nothing can bring back; its session stays, as every session does.
 */
export class Connection {
  readonly owner: Owner;
  readonly handle: string;
  readonly bond: Bond;
  readonly #init: ConnectionInit;
  readonly #transport: InstanceTransport;
  readonly #inbox: Inbox;
  readonly #beat: NodeJS.Timeout;
  #grace: NodeJS.Timeout | undefined;
  #server: McpServer | undefined;
  #initialize: JSONRPCRequest | undefined;
  /** Undefined until there is a session. By the monotonic clock of the process. */
  #verifiedAt: number | undefined;
  #passing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(init: ConnectionInit) {
    const { deps, principal, id, bond } = init;
    this.#init = init;
    this.owner = ownerOfPrincipal(principal);
    this.handle = id.handle;
    this.bond = bond;
    this.#transport = new InstanceTransport(this.handle, {
      send: (message) => this.#send(message),
      closed: () => init.live.end(),
    });
    this.#inbox = new Inbox(
      {
        ...inboxOfConnection(this.owner, this.handle),
        deps,
        after: 0,
        take: (incoming) => {
          const extra = { authInfo: authInfoOf(principal) };
          // One after the other: what came in order stays in order.
          this.#passing = this.#passing.then(() => this.take(incoming, extra)).catch(deps.onError);
        },
        // What was lost may be what the client waits for: it has to begin anew.
        missed: () => init.live.end(),
        wanted: () => this.#closing === undefined,
      },
      pollMs,
    );
    this.#beat = setInterval(() => this.#stayKnown(), beatMs).unref();
  }

  async connect(server: McpServer): Promise<void> {
    this.#server = server;
    await server.connect(this.#transport);
  }

  /** Hands a message of the client in. False if its session is over; then so is the connection. */
  async take(incoming: IncomingMessage, extra: MessageExtraInfo): Promise<boolean> {
    if (!(await this.#isLive())) {
      this.#init.live.end();
      return false;
    }
    const { type, message } = incoming;
    if (type === "request" && message.method === "initialize") {
      if (this.#verifiedAt !== undefined || this.#initialize !== undefined) {
        this.#write(errorResponse(message.id, -32600, "Invalid Request: the session is initialized already"));
        return true;
      }
      this.#initialize = message;
    }
    this.#transport.onmessage?.(message, extra);
    return true;
  }

  /** Its session may be over: whatever comes next finds out. What is under way is still answered. */
  doubt(): void {
    if (this.#verifiedAt === undefined) return;
    this.#verifiedAt = Number.NEGATIVE_INFINITY;
    this.#endWithSession().catch(this.#init.deps.onError);
  }

  /** Ends the stream, and with it everything. */
  end(): void {
    this.#init.live.end();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { deps, live } = this.#init;
    clearInterval(this.#beat);
    clearTimeout(this.#grace);
    this.#inbox.stop();
    live.end();
    await this.#server?.close().catch(deps.onError);
    await endRecord(deps.store, this.owner, this.handle).catch(deps.onError);
  }

  async #send(message: JSONRPCMessage): Promise<void> {
    const initialize = this.#initialize;
    const answersIt = initialize !== undefined && isResponse(message) && message.id === initialize.id;
    if (!answersIt) return this.#write(message);
    this.#initialize = undefined;
    const negotiated = negotiatedIn(initialize, message);
    if (negotiated === undefined) return this.#write(message);
    const { deps, principal, id } = this.#init;
    try {
      // Only now, so that a client that was refused leaves nothing behind.
      await createConnectionSession(deps.hold, principal, { ...negotiated, id });
      this.#verifiedAt = performance.now();
      this.#write(message);
    } catch (error) {
      deps.onError(error);
      const text = isHoldfastError(error, "QUOTA_EXCEEDED") ? "Quota exceeded" : "Service unavailable";
      this.#write(errorResponse(initialize.id, -32603, text));
    }
  }

  #write(message: JSONRPCMessage): void {
    const wrote = this.#init.live.write(messageEvent(undefined, JSON.stringify(message)));
    // A question that reaches nobody must not wait for its answer.
    if (!wrote && isRequest(message)) throw new Error("the connection is closed");
  }

  /** Whether the session, if there is one, was not ended anywhere. Using it slides it. */
  async #isLive(): Promise<boolean> {
    const { store, onError } = this.#init.deps;
    const now = performance.now();
    if (this.#verifiedAt === undefined || now - this.#verifiedAt <= trustMs) return true;
    const { record, at } = await store.read(this.owner, transportKey(this.handle));
    if (record === undefined) return false;
    this.#verifiedAt = now;
    if (slideIsDue(record, at)) store.commit(this.owner, connectionSlide(this.handle)).catch(onError);
    return true;
  }

  #stayKnown(): void {
    const { store, onError } = this.#init.deps;
    keepAlive(store, this.owner, this.handle).then((known) => {
      // Asleep for longer than others wait, it was given up: what they were sent meanwhile never came.
      if (!known) this.end();
    }, onError);
    this.#endWithSession().catch(onError);
  }

  /** Its session may have ended elsewhere while its client says nothing: then the stream has nothing to bring any more. */
  async #endWithSession(): Promise<void> {
    if (this.#verifiedAt === undefined || this.#grace !== undefined) return;
    const { record } = await this.#init.deps.store.read(this.owner, transportKey(this.handle));
    if (record !== undefined || this.#closing !== undefined) return;
    this.#grace ??= setTimeout(() => this.end(), endedGraceMs).unref();
  }
}

/**
 * One connected server of the SDK, seen from the transport's side: requests go in and come back by the exchange they
 * belong to, whatever else the server sends is routed, and what it asks its client is renamed for the fleet.
 */
import type {
  InputRequiredResult,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  McpServer,
  MessageExtraInfo,
  RequestId,
  TransportSendOptions,
} from "@modelcontextprotocol/server";

import { HoldfastError, isHoldfastError } from "../../record/errors.ts";
import { neededBy } from "../parked.ts";
import type { SessionDeps } from "./deps.ts";
import { InstanceTransport } from "./instance-transport.ts";
import { errorResponse, isRequest, isResponse, type RpcId, type RpcResponse } from "./messages.ts";
import type { PostExchange } from "./post-exchange.ts";
import { PendingRequests } from "./routing/pending.ts";

/** A handler has returned, and wants to be called again once its client has answered. */
export type ParkedCall = {
  readonly request: JSONRPCRequest;
  readonly exchange: PostExchange;
  readonly needed: InputRequiredResult;
  /** Calls it again here, with no more than its state. */
  readonly again: (params: Readonly<Record<string, unknown>>) => void;
};

export type InstanceHost = {
  /** Takes a message that belongs to no request of the client. */
  readonly standalone: (message: JSONRPCMessage) => Promise<void>;
  /** What has to be done before a response may go out; undefined if nothing. */
  readonly beforeResponse?: (request: JSONRPCRequest, response: RpcResponse) => Promise<void> | undefined;
  /** A handler needs input of its client before it can go on, and its call can wait for it in the store. */
  readonly onParked?: (parked: ParkedCall) => Promise<void>;
  /** The server has asked its client something, or takes long over a call: answers and cancellations may arrive elsewhere. */
  readonly onWaiting?: () => void;
};

/** Where a message of the server goes: the POST it belongs to, or the session's GET stream. */
type Route = PostExchange | "standalone";

/** A handler of a POST at work, and the server it belongs to: handlers may speak through other servers too. */
export type Serving = { readonly instance: Instance; readonly exchange: PostExchange };

type Call = {
  readonly request: JSONRPCRequest;
  readonly since: number;
  readonly exchange: PostExchange | undefined;
  readonly extra: MessageExtraInfo;
  readonly settle: (response: RpcResponse | undefined) => Promise<void>;
};

/** How many answered requests are remembered, to know a cancellation that came too late. */
const maxAnswered = 64;

const closedText = "The server stopped before the call was done; it may be repeated";

export class Instance {
  readonly server: McpServer;
  readonly #deps: SessionDeps;
  readonly #host: InstanceHost;
  readonly #transport: InstanceTransport;
  /** By the id the server knows, which differs from the client's only where that is in use already. */
  readonly #calls = new Map<RpcId, Call>();
  readonly #pending: PendingRequests<Route>;
  readonly #failing = new Set<Promise<void>>();
  /** The client's own ids of what was answered last. */
  readonly #answered = new Set<RpcId>();
  #renamed = 0;

  private constructor(server: McpServer, deps: SessionDeps, host: InstanceHost, sessionId: string | undefined) {
    this.server = server;
    this.#deps = deps;
    this.#host = host;
    this.#pending = new PendingRequests(deps.ids);
    this.#transport = new InstanceTransport(sessionId, {
      send: (message, options) => this.#send(message, options),
      closed: () => this.#failCalls(),
    });
  }

  static async connect(
    server: McpServer,
    deps: SessionDeps,
    host: InstanceHost,
    sessionId: string | undefined,
  ): Promise<Instance> {
    const instance = new Instance(server, deps, host, sessionId);
    await server.connect(instance.#transport);
    return instance;
  }

  /** Whether the server was closed, by us or by its author. It answers nothing any more. */
  get closed(): boolean {
    return this.#transport.closed;
  }

  /** Whether the server waits for something that may arrive at another node. */
  waitsSince(olderThanMs: number, now: number): boolean {
    if (this.#pending.size > 0) return true;
    for (const { since } of this.#calls.values()) if (now - since >= olderThanMs) return true;
    return false;
  }

  /** Hands a request of a POST in. Its response comes back through the exchange. */
  dispatch(request: JSONRPCRequest, exchange: PostExchange, extra: MessageExtraInfo): void {
    this.#deps.serving.run({ instance: this, exchange }, () =>
      this.#call(request, exchange, extra, async (response) => {
        if (response === undefined) return exchange.abandon();
        const before = this.#host.beforeResponse?.(request, response);
        return exchange.respond(before === undefined ? response : await this.#after(before, response));
      }),
    );
  }

  /** The response, or an error in its place: the client must not take for done what was not. */
  async #after(before: Promise<void>, response: RpcResponse): Promise<RpcResponse> {
    try {
      await before;
      return response;
    } catch (error) {
      const id = response.id ?? "";
      if (isHoldfastError(error, "QUOTA_EXCEEDED")) return errorResponse(id, -32602, error.message);
      this.#deps.onError(error);
      return errorResponse(id, -32603, "The change could not be stored; it may be repeated");
    }
  }

  /** Asks the server something of our own. Throws `UNAVAILABLE` after the deadline. */
  async ask(request: JSONRPCRequest, deadlineMs: number, extra: MessageExtraInfo = {}): Promise<RpcResponse> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<RpcResponse>((resolve, reject) => {
        timer = setTimeout(
          () =>
            reject(
              new HoldfastError("UNAVAILABLE", `the server did not answer "${request.method}" in ${deadlineMs} ms`),
            ),
          deadlineMs,
        );
        this.#call(request, undefined, extra, async (response) => {
          if (response !== undefined) resolve(response);
        });
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Hands a notification in. Progress is for this instance only if it asked for it; false otherwise. */
  notify(notification: JSONRPCNotification, extra: MessageExtraInfo): boolean {
    if (notification.method === "notifications/cancelled") return this.#cancel(notification, extra);
    if (notification.method === "notifications/progress") {
      const restored = this.#pending.progress(notification);
      if (restored !== undefined) this.#transport.onmessage?.(restored, extra);
      return restored !== undefined;
    }
    this.#transport.onmessage?.(notification, extra);
    return true;
  }

  /** Hands the client's answer in. False if this instance did not ask. */
  answer(response: RpcResponse, extra: MessageExtraInfo): boolean {
    const restored = this.#pending.answer(response);
    if (restored === undefined) return false;
    this.#transport.onmessage?.(restored, extra);
    return true;
  }

  /** Whether a request of the client with this id was answered of late: a cancellation of it came too late. */
  hasAnswered(id: RpcId): boolean {
    return this.#answered.has(id);
  }

  /** Whether a client's answer or progress with this id is awaited here. */
  awaits(id: unknown): boolean {
    return this.#pending.has(id);
  }

  /** Fails what the server waits for from its client: no answer can come any more. */
  failPending(message: string): void {
    for (const response of this.#pending.failAll(-32000, message)) this.#transport.onmessage?.(response);
  }

  /** Answers the client's calls that still run with an error, and tells their handlers to stop. */
  cutCalls(code: number, message: string): void {
    for (const [id, { request, exchange, settle }] of [...this.#calls]) {
      if (exchange === undefined) continue;
      this.#calls.delete(id);
      const params = { requestId: id, reason: message };
      this.#transport.onmessage?.({ jsonrpc: "2.0", method: "notifications/cancelled", params });
      settle(errorResponse(request.id, code, message)).catch(this.#deps.onError);
    }
  }

  async close(): Promise<void> {
    await this.server.close();
    await Promise.all(this.#failing);
  }

  /** A closed server answers nothing, so its calls are answered here. */
  #failCalls(): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { request, settle } of calls) {
      const failing: Promise<void> = settle(errorResponse(request.id, -32603, closedText))
        .catch(this.#deps.onError)
        .finally(() => this.#failing.delete(failing));
      this.#failing.add(failing);
    }
  }

  #call(
    request: JSONRPCRequest,
    exchange: PostExchange | undefined,
    extra: MessageExtraInfo,
    settle: (response: RpcResponse | undefined) => Promise<void>,
  ): void {
    const id = this.#freeId(request.id);
    this.#calls.set(id, { request, exchange, extra, settle, since: performance.now() });
    this.#answered.delete(request.id);
    try {
      this.#transport.onmessage?.(id === request.id ? request : { ...request, id }, extra);
    } catch (error) {
      this.#deps.onError(error);
      this.#respond(errorResponse(id, -32603, "Internal error")).catch(this.#deps.onError);
    }
  }

  /** Two requests in flight under one id would take each other's answers. */
  #freeId(id: RpcId): RpcId {
    if (!this.#calls.has(id)) return id;
    this.#renamed += 1;
    return `${String(id)}#${this.#renamed}-${this.#deps.ids.node}`;
  }

  #cancel(notification: JSONRPCNotification, extra: MessageExtraInfo): boolean {
    const wanted = notification.params?.["requestId"];
    const ours = [...this.#calls].filter(
      ([, { request, exchange }]) => exchange !== undefined && request.id === wanted,
    );
    for (const [id, call] of ours) {
      // The SDK answers no cancelled request, so nobody would end the exchange.
      this.#calls.delete(id);
      this.#transport.onmessage?.({ ...notification, params: { ...notification.params, requestId: id } }, extra);
      call.settle(undefined).catch(this.#deps.onError);
    }
    return ours.length > 0;
  }

  async #send(message: JSONRPCMessage, options: TransportSendOptions | undefined): Promise<void> {
    if (isResponse(message)) return this.#respond(message);
    if (isRequest(message)) return this.#ask(message, this.#routeOf(options?.relatedRequestId));
    try {
      await this.#tell(message, options?.relatedRequestId);
    } catch (error) {
      // Few authors wait for what they notify, and a rejection that nobody waits for would end the process.
      this.#deps.onError(error);
    }
  }

  async #tell(notification: JSONRPCNotification, relatedRequestId: RequestId | undefined): Promise<void> {
    if (notification.method === "notifications/cancelled") {
      const cancelled = this.#pending.cancel(notification);
      if (cancelled !== undefined) await this.#emit(cancelled.message, cancelled.route);
    } else if (relatedRequestId === undefined) {
      await this.#host.standalone(notification);
    } else {
      // What comes after the response of the request it belongs to has nowhere to go.
      await this.#calls.get(relatedRequestId)?.exchange?.emit(notification);
    }
  }

  async #respond(response: RpcResponse): Promise<void> {
    const { id } = response;
    const call = id === undefined ? undefined : this.#calls.get(id);
    if (id === undefined || call === undefined) return;
    this.#calls.delete(id);
    const needed = neededBy(response);
    const { exchange } = call;
    if (needed !== undefined && exchange !== undefined && this.#host.onParked !== undefined) {
      return this.#park(call, exchange, needed);
    }
    this.#remember(call.request.id);
    await call.settle(id === call.request.id ? response : { ...response, id: call.request.id });
  }

  async #park(call: Call, exchange: PostExchange, needed: InputRequiredResult): Promise<void> {
    const { request, extra, settle } = call;
    const again = (params: Readonly<Record<string, unknown>>): void =>
      this.#deps.serving.run({ instance: this, exchange }, () =>
        this.#call({ ...request, params: { ...request.params, ...params } }, exchange, extra, settle),
      );
    try {
      await this.#host.onParked?.({ request, exchange, needed, again });
    } catch (error) {
      this.#deps.onError(error);
      await settle(errorResponse(request.id, -32603, "What the call needs could not be asked for; it may be repeated"));
    }
  }

  #remember(id: RpcId): void {
    this.#answered.add(id);
    const [oldest] = this.#answered;
    if (this.#answered.size > maxAnswered && oldest !== undefined) this.#answered.delete(oldest);
  }

  async #ask(request: JSONRPCRequest, route: Route): Promise<void> {
    const named = this.#pending.ask(request, route);
    this.#host.onWaiting?.();
    try {
      await this.#emit(named, route);
    } catch (error) {
      this.#pending.forget(named.id);
      throw error;
    }
  }

  /** A request of the server belongs to the POST it names, else to the one whose handler is running. */
  #routeOf(relatedRequestId: RequestId | undefined): Route {
    const named = relatedRequestId === undefined ? undefined : this.#calls.get(relatedRequestId)?.exchange;
    const serving = this.#deps.serving.get();
    const exchange = named ?? (serving?.instance === this ? serving.exchange : undefined);
    return exchange?.open === true ? exchange : "standalone";
  }

  async #emit(message: JSONRPCMessage, route: Route): Promise<void> {
    const sent = route !== "standalone" && (await route.emit(message));
    if (!sent) await this.#host.standalone(message);
  }
}

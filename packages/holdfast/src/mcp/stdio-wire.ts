/**
 * The wire of a stdio connection, between the streams and the SDK: it knows which requests wait for an answer, lets
 * them be answered before the end of the input ends everything, and makes the session durable before the client hears
 * that it has one.
 */
import { PassThrough } from "node:stream";
import {
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type MessageExtraInfo,
  type RequestId,
  type Transport,
} from "@modelcontextprotocol/server";
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";

export type StdioWireInit = {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  /** How long requests may take that are under way when the input ends. */
  readonly lingerMs: number;
  /** Called when an `initialize` has succeeded and before its answer goes out; again only if it has thrown. */
  readonly onInitialized: (request: JSONRPCRequest, answer: unknown) => Promise<void>;
  /** Called with every request, before it is handed on. Must not throw. */
  readonly onRequest: () => void;
  readonly onError: (error: unknown) => void;
};

export class StdioWire implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage, extra?: MessageExtraInfo) => void;
  readonly closed: Promise<void>;
  readonly #init: StdioWireInit;
  readonly #input = new PassThrough();
  readonly #inner: StdioServerTransport;
  readonly #waiting = new Set<RequestId>();
  #initialize: JSONRPCRequest | undefined;
  #initialized = false;
  #ending: NodeJS.Timeout | undefined;
  #resolveClosed: () => void = () => undefined;

  constructor(init: StdioWireInit) {
    this.#init = init;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    // The SDK's type is that of Node's own streams; any writable stream has what it uses.
    this.#inner = new StdioServerTransport(this.#input, init.stdout as NodeJS.WriteStream);
  }

  async start(): Promise<void> {
    this.#inner.onmessage = (message) => this.#receive(message);
    this.#inner.onerror = (error) => this.onerror?.(error);
    this.#inner.onclose = () => this.#onClose();
    await this.#inner.start();
    const { stdin } = this.#init;
    stdin.on("error", this.#onInputError);
    stdin.on("end", this.#onInputEnd);
    stdin.on("close", this.#onInputEnd);
    stdin.pipe(this.#input, { end: false });
    if ("readableEnded" in stdin && stdin.readableEnded === true) this.#onInputEnd();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    try {
      await this.#inner.send(await this.#beforeSend(message));
    } finally {
      if (isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message)) this.#answered(message.id);
    }
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #receive(message: JSONRPCMessage): void {
    if (isJSONRPCRequest(message)) {
      if (message.method === "initialize") {
        // The SDK would agree once more, on something that the session does not say.
        if (this.#initialized || this.#initialize !== undefined) return this.#refuse(message.id);
        this.#initialize = message;
      }
      // A subscription is answered only when the connection ends, so the end must not wait for it.
      if (message.method !== "subscriptions/listen") this.#waiting.add(message.id);
      this.#init.onRequest();
    } else if ("method" in message && message.method === "notifications/cancelled") {
      // A request that was cancelled need not be answered.
      const id: unknown = message.params?.["requestId"];
      if (typeof id === "string" || typeof id === "number") this.#answered(id);
      if (id === this.#initialize?.id) this.#initialize = undefined;
    }
    this.onmessage?.(message);
  }

  async #beforeSend(message: JSONRPCMessage): Promise<JSONRPCMessage> {
    const request = this.#initialize;
    const isAnswer = isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message);
    if (request === undefined || !isAnswer || message.id !== request.id) return message;
    try {
      if (isJSONRPCErrorResponse(message)) return message;
      await this.#init.onInitialized(request, message.result);
      this.#initialized = true;
      return message;
    } catch (error) {
      this.#init.onError(error);
      return { jsonrpc: "2.0", id: message.id, error: { code: -32603, message: "Service unavailable" } };
    } finally {
      // Who was refused may try again.
      this.#initialize = undefined;
    }
  }

  #refuse(id: RequestId): void {
    const error = { code: -32600, message: "Invalid Request: the session is initialized already" };
    this.#inner.send({ jsonrpc: "2.0", id, error }).catch(this.#init.onError);
  }

  #answered(id: RequestId | undefined): void {
    if (id !== undefined) this.#waiting.delete(id);
    if (this.#ending !== undefined && this.#waiting.size === 0) this.#endInput();
  }

  readonly #onInputError = (error: Error): void => {
    this.onerror?.(error);
    this.#endInput();
  };

  readonly #onInputEnd = (): void => {
    if (this.#ending !== undefined) return;
    this.#ending = setTimeout(() => this.#endInput(), this.#init.lingerMs);
    // What is still in the pipe has to be seen before it is known that nothing waits.
    setImmediate(() => this.#answered(undefined));
  };

  #endInput(): void {
    clearTimeout(this.#ending);
    this.#input.end();
  }

  #onClose(): void {
    clearTimeout(this.#ending);
    const { stdin } = this.#init;
    stdin.unpipe(this.#input);
    stdin.off("error", this.#onInputError).off("end", this.#onInputEnd).off("close", this.#onInputEnd);
    stdin.pause();
    this.#input.destroy();
    this.onclose?.();
    this.#resolveClosed();
  }
}

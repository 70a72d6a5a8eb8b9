import type { JSONRPCMessage, MessageExtraInfo, Transport, TransportSendOptions } from "@modelcontextprotocol/server";

type Wire = {
  readonly send: (message: JSONRPCMessage, options: TransportSendOptions | undefined) => Promise<void>;
  readonly closed: () => void;
};

/** The SDK's end of an instance: passes on what the server sends, and takes nothing in by itself. */
export class InstanceTransport implements Transport {
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  onmessage?: ((message: JSONRPCMessage, extra?: MessageExtraInfo) => void) | undefined;
  /** The handle, which may be shown; never the secret. */
  readonly sessionId?: string | undefined;
  readonly #wire: Wire;
  #closed = false;

  constructor(sessionId: string | undefined, wire: Wire) {
    this.sessionId = sessionId;
    this.#wire = wire;
  }

  get closed(): boolean {
    return this.#closed;
  }

  async start(): Promise<void> {
    // Nothing to start: requests arrive one by one.
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (!this.#closed) await this.#wire.send(message, options);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.onclose?.();
    this.#wire.closed();
  }
}

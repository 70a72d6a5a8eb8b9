/**
 * Streams of sessions on all nodes of an application: whoever sends reaches them wherever they are open. A session has one;
 * of two that are opened, the one whose opening is later in the log stays, whatever order nodes hear of them in.
 */
import { isObject } from "../mcp/is-object.ts";
import type { Owner } from "../record/record.ts";
import type { Store } from "../store/contract.ts";
import { LocalStreams, type StreamController } from "./local-streams.ts";
import { Relay } from "./relay.ts";

export type StreamRelayInit = {
  readonly store: Store;
  readonly owner: Owner;
  readonly onError: (error: unknown) => void;
  /** Hears of what others say that is not about streams. */
  readonly onOther?: (message: Readonly<Record<string, unknown>>) => void;
};

export class StreamRelay {
  readonly relay: Relay;
  readonly #local = new LocalStreams();

  constructor({ store, owner, onError, onOther }: StreamRelayInit) {
    const onMessage = (message: unknown, { own }: { readonly own: boolean }): void => {
      if (!isObject(message)) return;
      const { type, ids, data, id } = message;
      if (own) {
        if (type === "open" && typeof id === "string") this.#local.known(id);
      } else if (type === "send" && typeof data === "string") this.#local.send(idsOf(ids), data);
      else if ((type === "open" || type === "end") && typeof id === "string") this.#local.endIfKnown(id);
      else onOther?.(message);
    };
    this.relay = new Relay({ store, owner, onMessage, onError });
  }

  /** The stream of a session is here now; one that another node has ends. */
  async open(id: string, controller: StreamController): Promise<void> {
    this.#local.add(id, controller);
    await this.relay.publish({ type: "open", id });
  }

  /** Whether it is open on this node. */
  has(id: string): boolean {
    return this.#local.has(id);
  }

  async send(ids: readonly string[] | undefined, data: string): Promise<void> {
    this.#local.send(ids, data);
    await this.relay.publish({ type: "send", ids, data });
  }

  /** Ends a session's stream, here or where else it is: there is one. */
  async end(id: string): Promise<void> {
    if (!this.#local.has(id)) return await this.relay.publish({ type: "end", id });
    this.#local.end(id);
  }

  async close(): Promise<void> {
    this.#local.endAll();
    await this.relay.close();
  }
}

function idsOf(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((id) => typeof id === "string") : undefined;
}

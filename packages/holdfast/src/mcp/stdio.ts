/**
 * stdio: one client, the local user, either era. A 2025-era connection has a session of its own, made when `initialize`
 * succeeds; it is an ordinary session that outlives the connection and the process, can be listed and opened again by
 * its id, and ends when it is ended or expires. A connection whose session is gone gets another.
 */
import type { ClientCapabilities, Implementation } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { HoldfastError } from "../record/errors.ts";
import { localUser, ownerOfPrincipal } from "../security/principal.ts";
import type { EventBus } from "./bus/bus.ts";
import type { ConnectionRegistry } from "./connections.ts";
import { forwardEvents } from "./forward-events.ts";
import type { InstanceFactory } from "./instance.ts";
import type { ResolvedServeOptions } from "./options.ts";
import type { Negotiated } from "./sessions/create-session.ts";
import type { SessionHold } from "./sessions/hold.ts";
import { StdioSession } from "./stdio-session.ts";
import { StdioWire } from "./stdio-wire.ts";
import { Subscribed } from "./subscribed.ts";
import type { StdioHandle, StdioOptions } from "./types.ts";

/** How long calls may take that are under way when the client closes its end. */
const lingerMs = 10_000;

export type StdioParts = {
  readonly hold: SessionHold;
  readonly instance: InstanceFactory;
  readonly bus: EventBus;
  readonly connections: ConnectionRegistry;
  readonly options: ResolvedServeOptions;
};

export class StdioConnections {
  readonly #parts: StdioParts;
  readonly #open = new Set<StdioHandle>();
  #closed = false;

  constructor(parts: StdioParts) {
    this.#parts = parts;
  }

  /** Throws `CLOSED` after `close()`, and `UNAVAILABLE` where there are as many connections as there may be. */
  async open(init: StdioOptions = {}): Promise<StdioHandle> {
    if (this.#closed) throw new HoldfastError("CLOSED", "the app is closed; stdio can no longer be served");
    const release = this.#parts.connections.open();
    if (release === undefined) throw new HoldfastError("UNAVAILABLE", "too many connections are open; close one first");
    const handle = connect(this.#parts, init);
    this.#open.add(handle);
    handle.closed
      .then(() => {
        this.#open.delete(handle);
        release();
      })
      .catch(this.#parts.options.onError);
    return handle;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open].map((handle) => handle.close()));
  }
}

function connect(parts: StdioParts, init: StdioOptions): StdioHandle {
  const { hold, instance, options } = parts;
  const { onError } = options;
  const session = options.stateless ? undefined : new StdioSession(hold, onError);
  const wire = new StdioWire({
    stdin: init.stdin ?? process.stdin,
    stdout: init.stdout ?? process.stdout,
    lingerMs,
    onInitialized: async ({ params }, answer) => {
      await session?.begin(negotiated(params, answer));
    },
    onRequest: () => session?.touch(),
    onError,
  });
  const connection = new Map<string, unknown>();
  const subscribed = new Subscribed();
  const server = serveStdio(
    ({ era }) => {
      const made = instance({
        principal: localUser,
        session: era === "legacy" ? session : undefined,
        connection,
        era: era === "legacy" ? "2025" : "2026",
        onSubscription: (uri, on) => subscribed.change(uri, on),
      });
      const subscribedTo = era === "legacy" ? subscribed.uris : undefined;
      forwardEvents({
        bus: parts.bus,
        onError,
        server: made,
        owner: ownerOfPrincipal(localUser),
        subscribed: subscribedTo,
      });
      return made;
    },
    { transport: wire, onerror: onError, maxSubscriptions: options.limits.maxStreams },
  );
  const close = async (): Promise<void> => {
    await server.close();
    await wire.close();
    await session?.idle();
  };
  return { closed: wire.closed, close, [Symbol.asyncDispose]: close };
}

/** The protocol's validation has passed: the request was answered with a result. */
function negotiated(params: unknown, answer: unknown): Negotiated {
  const { clientInfo, capabilities } = params as { clientInfo: Implementation; capabilities: ClientCapabilities };
  const { protocolVersion } = answer as { protocolVersion: string };
  return { protocolVersion, clientInfo, capabilities };
}

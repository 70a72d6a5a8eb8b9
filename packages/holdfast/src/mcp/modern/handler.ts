/** The 2026-07-28 era: the official SDK's handler, one server instance per request, nothing held between requests. */
import { AsyncLocalStorage } from "node:async_hooks";
import { createMcpHandler, ProtocolError } from "@modelcontextprotocol/server";
import type { Owner } from "../../record/record.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { authInfoOf } from "../auth-info.ts";
import type { EventBus } from "../bus/bus.ts";
import type { Inbound } from "../exchange.ts";
import type { InstanceFactory } from "../instance.ts";
import type { ResolvedServeOptions } from "../options.ts";

export interface StatelessEndpoint {
  handle(inbound: Inbound): Promise<Response>;
  /** Ends subscription streams in an orderly way and whatever else is still under way at once. */
  close(): Promise<void>;
}

export function createStatelessEndpoint(
  instance: InstanceFactory,
  bus: EventBus,
  options: ResolvedServeOptions,
): StatelessEndpoint {
  const principals = new WeakMap<Request, Principal>();
  const subscriber = new AsyncLocalStorage<Owner>();
  const handler = createMcpHandler(
    ({ requestInfo }) => {
      const principal = requestInfo === undefined ? undefined : principals.get(requestInfo);
      if (principal === undefined) throw new Error("a request reached the handler without passing the gate");
      return instance({ principal, session: undefined, connection: new Map(), era: "2026" });
    },
    {
      legacy: "reject",
      onerror: (error) => reportUnlessRefusal(error, options.onError),
      responseMode: options.response,
      // Subscriptions are made while the listening request is handled: the store tells whose it is.
      bus: {
        publish: (event) => bus.publish(event),
        subscribe: (listener) => bus.subscribe(listener, subscriber.getStore()),
      },
      maxSubscriptions: options.limits.maxStreams,
      keepAliveMs: options.limits.keepAliveMs,
      maxRequestBodySize: options.limits.maxBodyBytes,
    },
  );
  return {
    handle: async (inbound) => {
      const request = inbound.request();
      principals.set(request, inbound.principal);
      const serve = (): Promise<Response> =>
        handler.fetch(request, { parsedBody: inbound.body, authInfo: authInfoOf(inbound.principal) });
      if (!isListen(inbound.body)) return serve();
      const owner = ownerOfPrincipal(inbound.principal);
      // The acknowledgement says that nothing is missed from here on, on whatever node it is published.
      await bus.ready(owner, { resources: true });
      return subscriber.run(owner, serve);
    },
    close: () => handler.close(),
  };
}

function isListen(body: unknown): boolean {
  return typeof body === "object" && body !== null && "method" in body && body.method === "subscriptions/listen";
}

/** What a client did wrong is answered to that client and is no news for whoever runs the server. */
function reportUnlessRefusal(error: Error, report: (error: unknown) => void): void {
  if (error instanceof ProtocolError || error.message.startsWith("Rejected inbound request")) return;
  report(error);
}

/** The 2026-07-28 era: the official SDK's handler, one server instance per request, nothing held between requests. */
import { createMcpHandler, ProtocolError } from "@modelcontextprotocol/server";
import type { Owner } from "../../record/record.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { ContextLocal } from "../../state/context-local.ts";
import { authInfoOf } from "../auth-info.ts";
import type { EventBus } from "../bus/bus.ts";
import type { ConnectionRegistry } from "../connections.ts";
import type { Inbound, Reply } from "../exchange.ts";
import { errorReply } from "../http/answers.ts";
import { endable } from "../http/endable.ts";
import type { InstanceFactory } from "../instance.ts";
import { isObject } from "../is-object.ts";
import type { ResolvedServeOptions } from "../options.ts";
import { callerOf } from "../rates/rates.ts";
import { tooManyStreams } from "../sessions/answers.ts";
import type { StreamSlots } from "../sessions/slots.ts";
import { tooManyResources } from "../subscribed.ts";
import type { ServerInfo } from "../types.ts";
import { boundStream } from "./subscription-stream.ts";

export interface StatelessEndpoint {
  handle(inbound: Inbound): Promise<Reply | Response>;
  /** Ends subscription streams in an orderly way and whatever else is still under way at once. */
  close(): Promise<void>;
}

export type StatelessInit = {
  readonly instance: InstanceFactory;
  readonly info: ServerInfo;
  readonly bus: EventBus;
  readonly connections: ConnectionRegistry;
  /** Streams of this node, counted with those of the 2025 era. */
  readonly slots: StreamSlots;
  readonly options: ResolvedServeOptions;
};

export function createStatelessEndpoint(init: StatelessInit): StatelessEndpoint {
  const { instance, info, bus, connections, slots, options } = init;
  const principals = new WeakMap<Request, Principal>();
  const subscriber = new ContextLocal<Owner>();
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
        subscribe: (listener) => bus.subscribe(listener, subscriber.get()),
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
      const id = idOfListen(inbound.body);
      if (id === undefined) return endable(await serve(), () => connections.stream());
      const refused = tooManyResources(resourcesIn(inbound.body));
      if (refused !== undefined) return errorReply(400, -32602, `Invalid params: ${refused}`, { id });
      const place = await slots.take(callerOf(inbound.principal, inbound.address));
      if (typeof place === "string") return tooManyStreams(slots.refuse(place), id);
      try {
        const owner = ownerOfPrincipal(inbound.principal);
        // The acknowledgement says that nothing is missed from here on, on whatever node it is published.
        await bus.ready(owner, { resources: true });
        const answer = await subscriber.run(owner, serve);
        return boundStream(answer, { id, info, maxAgeMs: options.limits.maxStreamAgeMs, place });
      } catch (error) {
        place.giveBack();
        throw error;
      }
    },
    close: () => handler.close(),
  };
}

/** The resources that a request for a stream of subscriptions names: kept, and gone through for each that changes. */
function resourcesIn(body: unknown): readonly string[] {
  const params = isObject(body) ? body["params"] : undefined;
  const notifications = isObject(params) ? params["notifications"] : undefined;
  const uris: unknown = isObject(notifications) ? notifications["resourceSubscriptions"] : undefined;
  return Array.isArray(uris) ? uris.map(String) : [];
}

/** The id of a request for a stream of subscriptions; undefined for every other message. */
function idOfListen(body: unknown): string | number | undefined {
  if (!isObject(body) || body["method"] !== "subscriptions/listen") return undefined;
  const { id } = body;
  return typeof id === "string" || typeof id === "number" ? id : undefined;
}

/** What a client did wrong is answered to that client and is no news for whoever runs the server. */
function reportUnlessRefusal(error: Error, report: (error: unknown) => void): void {
  if (error instanceof ProtocolError || error.message.startsWith("Rejected inbound request")) return;
  report(error);
}

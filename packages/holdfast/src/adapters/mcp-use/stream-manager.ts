import { isObject } from "../../mcp/is-object.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";
import type { Hold } from "../../state/hold.ts";
import { servingHold } from "../../state/open-hold.ts";
import { type ApplicationOptions, applicationOwner, applicationQuota, reporter } from "../application.ts";
import type { StreamController } from "../local-streams.ts";
import { StreamRelay } from "../stream-relay.ts";
import { Values } from "../values.ts";

/**
 * mcp-use's `StreamManager`, over all nodes: a message for a session reaches its stream wherever that is open, at most once
 * and in the order of its sender. Failures go to `onError`; questions that are registered count against `maxBytes`, and are
 * forgotten after an hour.
 */
export interface McpUseStreamManager {
  create(sessionId: string, controller: StreamController): Promise<void>;
  send(sessionIds: string[] | undefined, data: string): Promise<void>;
  delete(sessionId: string): Promise<void>;
  has(sessionId: string): Promise<boolean>;
  registerOutboundRequest(requestId: string | number, sessionId: string): Promise<void>;
  forwardInboundResponse(message: { id: string | number; [key: string]: unknown }, sessionId: string): Promise<boolean>;
  onForwardedResponse(handler: (message: unknown, sessionId: string) => void): void;
  /** Resolves once what other nodes send from now on arrives here. */
  ready(): Promise<void>;
  /** Ends the streams that are open here. The hold stays open. */
  close(): Promise<void>;
}

/** How long a question of the server waits for its answer. */
const questionLifetime = { absoluteMs: 3_600_000 };
/** Most questions of which it is remembered that they were registered before they went out; to do so twice does no harm. */
const maxEarly = 1_000;

/**
 * Lets mcp-use reach a session's stream on whatever node it is open, and brings a client's answer to the node that asked.
 * A newer stream of a session takes over from an older one, on another node too.
 *
 * @example
 * new MCPServer({ name: "shop", version: "1.0.0", sessionStore: sessionStore(hold), streamManager: streamManager(hold) });
 */
export function streamManager(hold: Pick<Hold, "sessions">, options: ApplicationOptions = {}): McpUseStreamManager {
  const { store } = servingHold(hold);
  refuseUnknownNames("streamManager()", options, ["application", "maxBytes", "onError"]);
  const owner = applicationOwner("mcp-use", options);
  const onError = reporter(options);
  let handler: (message: unknown, sessionId: string) => void = () => undefined;
  const streams = new StreamRelay({
    store,
    owner,
    onError,
    onOther: ({ type, to, message, sessionId }) => {
      if (type === "answer" && to === streams.relay.node && typeof sessionId === "string") handler(message, sessionId);
    },
  });
  const { relay } = streams;
  const asked = new Values({ store, owner, kind: "holdfast.mcp-use-asked", quota: applicationQuota(options) });
  const nameOf = (sessionId: string, requestId: string | number): string => JSON.stringify([sessionId, requestId]);

  const registered = new Set<string>();
  const register = (requestId: string | number, sessionId: string): Promise<void> =>
    asked.put(nameOf(sessionId, requestId), relay.node, questionLifetime);
  const registerFirst = async (requestId: string | number, sessionId: string): Promise<void> => {
    await register(requestId, sessionId);
    if (registered.size >= maxEarly) registered.clear();
    registered.add(nameOf(sessionId, requestId));
  };

  return {
    create: (sessionId, controller) => streams.open(sessionId, controller),
    async send(sessionIds, data) {
      // mcp-use registers a question once it is out; its answer may be faster.
      const [sessionId, ...others] = sessionIds ?? [];
      const requestId = others.length === 0 ? requestIn(data) : undefined;
      if (sessionId !== undefined && requestId !== undefined) await registerFirst(requestId, sessionId);
      await streams.send(sessionIds, data);
    },
    delete: (sessionId) => streams.end(sessionId),
    has: (sessionId) => Promise.resolve(streams.has(sessionId)),
    async registerOutboundRequest(requestId, sessionId) {
      if (!registered.delete(nameOf(sessionId, requestId))) await register(requestId, sessionId);
    },
    async forwardInboundResponse(message, sessionId) {
      if (!isObject(message)) return false;
      // Taken, so that an answer that is sent twice counts once.
      const to = await asked.take(nameOf(sessionId, message.id));
      if (typeof to !== "string" || to === relay.node) return false;
      await relay.publish({ type: "answer", to, message, sessionId });
      return true;
    },
    onForwardedResponse: (listener) => {
      handler = listener;
    },
    ready: () => relay.ready(),
    close: () => streams.close(),
  };
}

/** The id of the request that a message of a stream is, if it is one. */
function requestIn(data: string): string | number | undefined {
  try {
    const message: unknown = JSON.parse(/^data: ?(.*)$/m.exec(data)?.[1] ?? "");
    if (!isObject(message) || typeof message["method"] !== "string") return undefined;
    const { id } = message;
    return typeof id === "string" || typeof id === "number" ? id : undefined;
  } catch {
    return undefined;
  }
}

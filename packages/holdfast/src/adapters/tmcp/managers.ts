import { refuseUnknownNames } from "../../record/option-names.ts";
import { durationMs } from "../../state/duration.ts";
import type { Hold } from "../../state/hold.ts";
import { servingHold } from "../../state/open-hold.ts";
import type { Duration } from "../../state/types.ts";
import { type ApplicationOptions, applicationOwner, applicationQuota, reporter } from "../application.ts";
import type { StreamController } from "../local-streams.ts";
import { StreamRelay } from "../stream-relay.ts";
import { InfoSessions } from "./info-sessions.ts";
import { type Notification, type Subscription, type SubscriptionCallbacks, Subscriptions } from "./subscriptions.ts";

/**
 * Which application's sessions these are, what they may take up, and how long what is known of one stays. What cannot be
 * (an empty name, no whole number of bytes, no duration) throws `INVALID_ARGUMENT` when the managers are made; what a store
 * refuses later goes to `onError`.
 */
export type TmcpOptions = ApplicationOptions & {
  /** How long what is known of a session stays after its last request: milliseconds, or such as `"24h"`. Default `24h`. */
  readonly idle?: Duration;
};

/** tmcp's three managers, to be handed to `HttpTransport`. Each reaches what another node holds; none of them throws: see `onError`. */
export interface TmcpManagers {
  readonly sessionManager: { readonly streams: StreamSessions; readonly info: InfoSessions };
  readonly subscriptionManager: SubscriptionManager;
  /** Resolves once what other nodes send from now on arrives here. */
  ready(): Promise<void>;
  /** Ends the streams that are open here. The hold stays open. */
  close(): Promise<void>;
}

/**
 * tmcp's `StreamSessionManager`, over all nodes. `send` reaches the streams of the sessions named (of all, where none is) on
 * whatever node they are open, at most once each and in the order of its sender; without an open stream a message is lost,
 * as in tmcp.
 */
export interface StreamSessions {
  create(id: string, controller: StreamController): void;
  delete(id: string): void;
  /** Whether the session's stream is open on this node. */
  has(id: string): Promise<boolean>;
  send(sessions: string[] | undefined, data: string): void;
}

/**
 * tmcp's `SubscriptionManager`, over all nodes. `send` resolves once the streams that are open here have taken the change and
 * the other nodes can read it. Of a client that is more than 1,000 changes behind the stream is closed; it may come again.
 */
export interface SubscriptionManager {
  create(subscription: Subscription, callbacks: SubscriptionCallbacks): Promise<boolean>;
  send(notification: Notification): Promise<void>;
  close(id: string | number, origin: string, reason: "closed" | "cancelled"): Promise<boolean>;
  closeAll(origin?: string, reason?: "closed" | "cancelled"): Promise<void>;
}

/**
 * Lets servers built with tmcp be any number of processes: what is known of a session, the streams of sessions, and the
 * `subscriptions/listen` streams of the 2026-07-28 revision.
 *
 * tmcp waits for none of the managers and would die of what they throw, so failures go to `onError`.
 *
 * @example
 * const { sessionManager, subscriptionManager } = tmcpManagers(hold);
 * new HttpTransport(server, { path: "/mcp", sessionManager, subscriptionManager });
 */
export function tmcpManagers(hold: Pick<Hold, "sessions">, options: TmcpOptions = {}): TmcpManagers {
  const { store } = servingHold(hold);
  refuseUnknownNames("tmcpManagers()", options, ["application", "maxBytes", "onError", "idle"]);
  const owner = applicationOwner("tmcp", options);
  const onError = reporter(options);
  const subscriptions = new Subscriptions(onError);
  const streams = new StreamRelay({
    store,
    owner,
    onError,
    onOther: ({ type, notification }) => {
      // Published by `send` below.
      if (type === "notification") void subscriptions.deliver(notification as Notification);
    },
  });
  const lifetime = { idleMs: durationMs(options.idle ?? "24h", "idle") };
  return {
    sessionManager: {
      streams: {
        create: (id, controller) => void streams.open(id, controller).catch(onError),
        delete: (id) => void streams.end(id).catch(onError),
        has: (id) => Promise.resolve(streams.has(id)),
        send: (sessions, data) => void streams.send(sessions, data).catch(onError),
      },
      info: new InfoSessions({ store, owner, lifetime, quota: applicationQuota(options), onError }),
    },
    subscriptionManager: {
      create: (subscription, callbacks) => subscriptions.create(subscription, callbacks),
      async send(notification) {
        const elsewhere = streams.relay.publish({ type: "notification", notification }).catch(onError);
        await subscriptions.deliver(notification);
        await elsewhere;
      },
      close: (id, origin, reason) => subscriptions.close(id, origin, reason),
      closeAll: (origin, reason = "cancelled") => subscriptions.closeAll(origin, reason),
    },
    ready: () => streams.relay.ready(),
    close: () => streams.close(),
  };
}

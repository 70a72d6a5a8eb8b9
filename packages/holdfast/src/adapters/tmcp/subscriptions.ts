/**
 * The `subscriptions/listen` streams that are open on this node. Each has its own queue, which begins behind the
 * acknowledgement: changes that come before that wait, and the order is kept.
 */
import { HoldfastError } from "../../record/errors.ts";

export type Notification = { readonly method: string; readonly params?: unknown };
export type Filter = {
  readonly toolsListChanged?: boolean | undefined;
  readonly promptsListChanged?: boolean | undefined;
  readonly resourcesListChanged?: boolean | undefined;
  readonly resourceSubscriptions?: readonly string[] | undefined;
};
export type Subscription = { readonly id: string | number; readonly origin: string; readonly filters: Filter };
export type SubscriptionCallbacks = {
  readonly acknowledge: () => void | Promise<void>;
  // As tmcp types it: what it is given is what was sent.
  readonly send: (notification: never) => void | Promise<void>;
  readonly close: (reason: "closed" | "cancelled") => void | Promise<void>;
};

type Standing = Subscription & {
  readonly callbacks: SubscriptionCallbacks;
  queue: Promise<void>;
  waiting: number;
  closing: Promise<boolean> | undefined;
};

/** Most changes that wait for one slow client; it is closed then, and may come again. */
const maxWaiting = 1_000;

export class Subscriptions {
  readonly #standing = new Map<string, Standing>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** False where there is one of this id and origin. */
  async create(subscription: Subscription, callbacks: SubscriptionCallbacks): Promise<boolean> {
    const key = keyOf(subscription.id, subscription.origin);
    if (this.#standing.has(key)) return false;
    const acknowledged = Promise.resolve().then(() => callbacks.acknowledge());
    const standing: Standing = { ...subscription, callbacks, queue: acknowledged, waiting: 0, closing: undefined };
    standing.queue.catch(() => undefined);
    this.#standing.set(key, standing);
    try {
      await acknowledged;
      return true;
    } catch (error) {
      if (this.#standing.get(key) === standing) this.#standing.delete(key);
      throw error;
    }
  }

  /** Resolves once those here who asked for it were told. Never rejects. */
  async deliver(notification: Notification): Promise<void> {
    const wanting = [...this.#standing.values()].filter(
      ({ filters, closing }) => closing === undefined && matches(filters, notification),
    );
    await Promise.all(wanting.map((standing) => this.#enqueue(standing, notification)));
  }

  async close(id: string | number, origin: string, reason: "closed" | "cancelled"): Promise<boolean> {
    const key = keyOf(id, origin);
    const standing = this.#standing.get(key);
    if (standing === undefined) return false;
    standing.closing ??= (async () => {
      try {
        await standing.queue.catch(() => undefined);
        await standing.callbacks.close(reason);
        return true;
      } finally {
        if (this.#standing.get(key) === standing) this.#standing.delete(key);
      }
    })();
    return await standing.closing;
  }

  async closeAll(origin: string | undefined, reason: "closed" | "cancelled"): Promise<void> {
    const those = [...this.#standing.values()].filter((one) => origin === undefined || one.origin === origin);
    await Promise.all(those.map((one) => this.close(one.id, one.origin, reason)));
  }

  async #enqueue(standing: Standing, notification: Notification): Promise<void> {
    if (standing.waiting >= maxWaiting) {
      this.#onError(
        new HoldfastError("UNAVAILABLE", "a client does not take its notifications; its stream was closed"),
      );
      // Not behind what waits: that is what nobody takes.
      this.#standing.delete(keyOf(standing.id, standing.origin));
      standing.closing ??= Promise.resolve(standing.callbacks.close("cancelled")).then(() => true);
      return;
    }
    standing.waiting += 1;
    const delivery = standing.queue.then(async () => {
      if (standing.closing === undefined) await standing.callbacks.send(notification as never);
    });
    // One that fails does not stop those behind it; where there was no acknowledgement there is nobody to tell.
    standing.queue = delivery.catch(() => undefined);
    try {
      await delivery;
    } catch (error) {
      this.#onError(error);
    } finally {
      standing.waiting -= 1;
    }
  }
}

/** Ids keep their type: 1 and "1" are two. */
function keyOf(id: string | number, origin: string): string {
  return JSON.stringify([origin, id]);
}

function matches(filters: Filter, { method, params }: Notification): boolean {
  switch (method) {
    case "notifications/tools/list_changed":
      return filters.toolsListChanged === true;
    case "notifications/prompts/list_changed":
      return filters.promptsListChanged === true;
    case "notifications/resources/list_changed":
      return filters.resourcesListChanged === true;
    case "notifications/resources/updated": {
      const uri = typeof params === "object" && params !== null && "uri" in params ? params.uri : undefined;
      return typeof uri === "string" && filters.resourceSubscriptions?.includes(uri) === true;
    }
    default:
      return false;
  }
}

import type { HintListener } from "../../store/contract.ts";

type Subscription = { readonly listener: HintListener };

/** Hints inside one process: never synchronous, never after the end of a subscription. */
export class Hints {
  readonly #topics = new Map<string, Set<Subscription>>();

  publish(topic: string, hint: string): void {
    const subscriptions = this.#topics.get(topic);
    if (subscriptions === undefined) return;
    for (const subscription of subscriptions) {
      setImmediate(() => {
        if (subscriptions.has(subscription)) deliver(subscription.listener, hint);
      });
    }
  }

  subscribe(topic: string, listener: HintListener): () => void {
    const subscriptions = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, subscriptions);
    // An object of its own, so that one listener may subscribe twice and end each subscription by itself.
    const subscription = { listener };
    subscriptions.add(subscription);
    return () => {
      subscriptions.delete(subscription);
      if (subscriptions.size === 0 && this.#topics.get(topic) === subscriptions) this.#topics.delete(topic);
    };
  }

  close(): void {
    for (const subscriptions of this.#topics.values()) subscriptions.clear();
    this.#topics.clear();
  }
}

/** A hint may be lost, so a listener that throws has lost it; it must not take its neighbours or the process along. */
function deliver(listener: HintListener, hint: string): void {
  try {
    listener(hint);
  } catch {
    // Nobody here could do anything about it.
  }
}

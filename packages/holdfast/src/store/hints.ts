/**
 * Waking listeners. Inside the process a hint is handed on as it is; other nodes get it over the store's own wire.
 * Underneath, everybody is woken now and then: often while nothing can be heard, seldom otherwise. Nothing here runs
 * while nobody listens.
 */
import type { HintListener } from "./contract.ts";
import type { Outbox } from "./outbox.ts";

/** What hears other nodes. */
export interface Ears {
  /** Whether hints of other nodes arrive by themselves. */
  readonly hears: boolean;
  start(): void;
  stop(): Promise<void>;
}

type Subscription = { readonly listener: HintListener };

/** While hints arrive, only one poll in so many wakes anybody. */
const seldom = 20;

export type HintsDuties = {
  readonly node: string;
  readonly outbox: Outbox;
  readonly pollMs: number;
  readonly listenerFor: (on: {
    readonly onPayload: (payload: string) => void;
    readonly onListening: () => void;
  }) => Ears;
};

export class Hints {
  readonly #node: string;
  readonly #outbox: Outbox;
  readonly #pollMs: number;
  readonly #listener: Ears;
  readonly #topics = new Map<string, Set<Subscription>>();
  #poll: NodeJS.Timeout | undefined;
  #polls = 0;
  #closed = false;

  constructor({ node, outbox, pollMs, listenerFor }: HintsDuties) {
    this.#node = node;
    this.#outbox = outbox;
    this.#pollMs = pollMs;
    this.#listener = listenerFor({
      onPayload: (payload) => this.#take(payload),
      onListening: () => this.#wakeAll(),
    });
  }

  /** Whether hints of other nodes arrive by themselves. */
  get hears(): boolean {
    return this.#listener.hears;
  }

  publish(topic: string, hint: string): void {
    this.#wake(topic, hint);
    this.#outbox.add(topic, hint);
  }

  subscribe(topic: string, listener: HintListener): () => void {
    const subscriptions = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, subscriptions);
    // An object of its own, so that one listener may subscribe twice and end each subscription by itself.
    const subscription = { listener };
    subscriptions.add(subscription);
    this.#start();
    return () => {
      if (!subscriptions.delete(subscription)) return;
      if (subscriptions.size === 0 && this.#topics.get(topic) === subscriptions) this.#topics.delete(topic);
      if (this.#topics.size === 0) this.#stopPolling();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#topics.clear();
    this.#stopPolling();
    await this.#outbox.close();
    await this.#listener.stop();
  }

  #start(): void {
    if (this.#poll !== undefined) return;
    this.#listener.start();
    this.#poll = setInterval(() => {
      this.#polls += 1;
      if (!this.#listener.hears || this.#polls % seldom === 0) this.#wakeAll();
    }, this.#pollMs);
    this.#poll.unref();
  }

  #stopPolling(): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  #take(payload: string): void {
    const [node, topic, hint] = parse(payload);
    if (node === this.#node) return;
    if (topic === undefined) this.#wakeAll();
    else this.#wake(topic, hint);
  }

  #wakeAll(): void {
    for (const topic of this.#topics.keys()) this.#wake(topic, undefined);
  }

  #wake(topic: string, hint: string | undefined): void {
    for (const subscription of this.#topics.get(topic) ?? []) {
      setImmediate(() => this.#deliver(topic, subscription, hint));
    }
  }

  #deliver(topic: string, subscription: Subscription, hint: string | undefined): void {
    if (this.#closed || this.#topics.get(topic)?.has(subscription) !== true) return;
    try {
      subscription.listener(hint);
    } catch {
      // A hint may be lost, so a listener that throws has lost it; its neighbours and the process have not.
    }
  }
}

/** Anybody with the database's password may NOTIFY: what is not ours means that something happened. */
function parse(payload: string): readonly (string | undefined)[] {
  try {
    const parsed: unknown = JSON.parse(payload);
    if (!Array.isArray(parsed)) return [];
    return parsed.map((part: unknown) => (typeof part === "string" ? part : undefined));
  } catch {
    return [];
  }
}

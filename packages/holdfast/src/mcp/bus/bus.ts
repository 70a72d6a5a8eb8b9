/**
 * Change events of the server (lists, resources), for subscription streams of the 2026-07-28 revision and for sessions of
 * the 2025 revisions alike. Inside this process they are told at once; to the other processes on the store they go by
 * way of a small record for each addressee, read from a cursor and woken by hints, so that they arrive once and in the
 * order of their publisher wherever hints are lost or carry no text.
 */
import type { ServerEvent, ServerNotifier } from "@modelcontextprotocol/server";
import { LRUCache } from "lru-cache";

import { mintSecret } from "../../record/ids.ts";
import type { Owner, Position } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { type Addressee, partitionOf } from "./event-record.ts";
import { type EventsSince, eventsSince, Feed } from "./feed.ts";
import { Outbox } from "./outbox.ts";

const topic = "holdfast.server-events";
const pollMs = 10_000;
/** Feeds woken by a hint that does not say whom it is for: at most so many a second. */
const wakesPerSecond = 2_000;
const leastPauseMs = 20;
/** Addressees whose announcements are remembered to be heard by nobody. */
const maxOutboxes = 5_000;

type Listener = {
  readonly addressees: readonly Addressee[];
  readonly event?: (event: ServerEvent) => void;
  /** Something new is in the store, from wherever. */
  readonly news?: () => void;
};
type Followed = { readonly feed: Feed; readonly listeners: Set<Listener> };

/** Where two streams of events stand: that of one owner, and that for everybody. */
export type Heads = { readonly own: Position; readonly all: Position };

export class EventBus {
  readonly #store: Store;
  readonly #onError: (error: unknown) => void;
  readonly #node = mintSecret(48);
  readonly #followed = new Map<Owner, Followed>();
  readonly #outboxes = new LRUCache<Owner, Outbox>({ max: maxOutboxes });
  readonly #closing = new Set<Promise<void>>();
  #listeners = 0;
  #unsubscribe: (() => void) | undefined;
  #poll: NodeJS.Timeout | undefined;
  #waking: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(store: Store, onError: (error: unknown) => void) {
    this.#store = store;
    this.#onError = onError;
  }

  /**
   * Tells every listener in this process, or with an owner only that owner's, at once, and those of other processes soon.
   * Never throws and never waits.
   */
  publish(event: ServerEvent, owner?: Owner): void {
    this.#tell(owner, event);
    if (!this.#closed) this.#guarded(() => this.#outbox(owner).add(event));
  }

  /** Events for everybody and, where an owner is given, for that owner. The returned function ends it, once. */
  subscribe(listener: (event: ServerEvent) => void, owner?: Owner): () => void {
    return this.#add({ addressees: addresseesOf(owner), event: listener });
  }

  /** Hears that there is something new in the store for an owner, or for everybody: `since` says what. */
  follow(owner: Owner, news: () => void): () => void {
    return this.#add({ addressees: addresseesOf(owner), news });
  }

  /**
   * Resolves once whatever is published from now on, on whatever node, reaches the listeners of an owner here; says where
   * events stand. To be called while one of them is there. Updates of resources are included only where asked for.
   */
  async ready(owner: Addressee, { resources }: { readonly resources: boolean }): Promise<Heads> {
    const stop = this.#add({ addressees: addresseesOf(owner) });
    try {
      const ready = async (addressee: Addressee): Promise<Position> =>
        (await this.#followed.get(partitionOf(addressee))?.feed.ready(resources)) ?? 0;
      const [own, all] = await Promise.all([ready(owner), ready(undefined)]);
      return { own, all };
    } finally {
      stop();
    }
  }

  /** What was announced after a position. Undefined where nobody ever listened. */
  since(addressee: Addressee, position: Position): Promise<EventsSince | undefined> {
    return eventsSince(this.#store, addressee, position);
  }

  /** Typed ways to publish, for one owner or for all. */
  notifier(owner?: Owner): ServerNotifier {
    return {
      toolsChanged: () => this.publish({ kind: "tools_list_changed" }, owner),
      promptsChanged: () => this.publish({ kind: "prompts_list_changed" }, owner),
      resourcesChanged: () => this.publish({ kind: "resources_list_changed" }, owner),
      resourceUpdated: (uri) => this.publish({ kind: "resource_updated", uri }, owner),
    };
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners;
  }

  /** Nothing is heard any more; resolves once what was published is in the store, or given up. */
  async close(): Promise<void> {
    this.#closed = true;
    const feeds = [...this.#followed.values()].map(({ feed }) => feed);
    this.#followed.clear();
    this.#listeners = 0;
    this.#stop();
    await Promise.all([...feeds.map((feed) => feed.close()), ...this.#closing]);
    await Promise.all([...this.#outboxes.values()].map((outbox) => outbox.flush()));
  }

  #add(listener: Listener): () => void {
    if (this.#closed) return () => undefined;
    this.#listeners += 1;
    this.#start();
    for (const addressee of listener.addressees) this.#follow(addressee).listeners.add(listener);
    let on = true;
    return () => {
      if (!on || this.#closed) return;
      on = false;
      this.#listeners -= 1;
      for (const addressee of listener.addressees) this.#leave(addressee, listener);
      if (this.#listeners === 0) this.#stop();
    };
  }

  #follow(addressee: Addressee): Followed {
    const partition = partitionOf(addressee);
    const standing = this.#followed.get(partition);
    if (standing !== undefined) return standing;
    const listeners = new Set<Listener>();
    const feed = new Feed({
      store: this.#store,
      addressee,
      onEvent: ({ node, event }) => {
        // What was published here was told here.
        if (node !== this.#node) this.#tell(addressee, event);
      },
      onNews: () => {
        for (const { news } of [...listeners]) if (news !== undefined) this.#guarded(news);
      },
      onWanted: () => {
        this.#outboxes.get(partition)?.wanted();
        this.#hint(`wanted ${partition}`);
      },
      onError: this.#onError,
    });
    const followed = { feed, listeners };
    this.#followed.set(partition, followed);
    feed.ready(false).catch((error: unknown) => {
      if (!this.#closed) this.#onError(error);
    });
    return followed;
  }

  #leave(addressee: Addressee, listener: Listener): void {
    const partition = partitionOf(addressee);
    const followed = this.#followed.get(partition);
    followed?.listeners.delete(listener);
    if (followed?.listeners.size !== 0) return;
    this.#followed.delete(partition);
    const closing: Promise<void> = followed.feed.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #outbox(addressee: Addressee): Outbox {
    const partition = partitionOf(addressee);
    const standing = this.#outboxes.get(partition);
    if (standing !== undefined) return standing;
    const outbox = new Outbox({
      store: this.#store,
      node: this.#node,
      addressee,
      onWritten: () => {
        this.#followed.get(partition)?.feed.wake();
        this.#hint(`news ${partition}`);
      },
      onError: this.#onError,
    });
    this.#outboxes.set(partition, outbox);
    return outbox;
  }

  #tell(addressee: Addressee, event: ServerEvent): void {
    const listeners = this.#followed.get(partitionOf(addressee))?.listeners ?? [];
    for (const { event: tell } of [...listeners]) if (tell !== undefined) this.#guarded(() => tell(event));
  }

  #onHint(hint: string | undefined): void {
    const [what, partition] = hint?.split(" ") ?? [];
    if (what === undefined || partition === undefined) return this.#wakeAllSoon();
    // Written by this file from an owner; whatever else it is, nobody has it.
    const owner = partition as Owner;
    if (what === "wanted") this.#outboxes.get(owner)?.wanted();
    else this.#followed.get(owner)?.feed.wake();
  }

  /** Hints that name nobody come with every change of a file: however many there are, reading has its bound. */
  #wakeAllSoon(): void {
    if (this.#waking !== undefined) return;
    const pauseMs = Math.max(leastPauseMs, (this.#followed.size / wakesPerSecond) * 1_000);
    this.#wakeAll();
    this.#waking = setTimeout(() => {
      this.#waking = undefined;
      this.#wakeAll();
    }, pauseMs).unref();
  }

  #wakeAll(): void {
    for (const { feed } of this.#followed.values()) feed.wake();
  }

  #start(): void {
    // Stores may poll while somebody listens, so nobody listens for nothing.
    this.#guarded(() => {
      this.#unsubscribe ??= this.#store.subscribe(topic, (hint) => this.#onHint(hint));
    });
    this.#poll ??= setInterval(() => this.#wakeAll(), pollMs * (0.9 + Math.random() / 5)).unref();
  }

  #stop(): void {
    clearInterval(this.#poll);
    clearTimeout(this.#waking);
    this.#poll = undefined;
    this.#waking = undefined;
    const unsubscribe = this.#unsubscribe;
    this.#unsubscribe = undefined;
    if (unsubscribe !== undefined) this.#guarded(unsubscribe);
  }

  #hint(text: string): void {
    this.#guarded(() => this.#store.publish(topic, text));
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onError(error);
    }
  }
}

function addresseesOf(owner: Owner | undefined): readonly Addressee[] {
  return owner === undefined ? [undefined] : [undefined, owner];
}

/**
 * Messages from one process of an application to all others, once and in the order they were published. They lie in a
 * log of the store, so that a hint that is lost costs time and no message. Those who were not there hear nothing: hosts
 * that use this have no way to give a client what it missed.
 */
import type { Change } from "../record/change.ts";
import { isHoldfastError } from "../record/errors.ts";
import { mintSecret } from "../record/ids.ts";
import type { Owner, Position, RecordKey } from "../record/record.ts";
import { refusalError } from "../state/refusals.ts";
import { Batcher, type Settle } from "../store/batcher.ts";
import type { Store } from "../store/contract.ts";

export type RelayInit = {
  readonly store: Store;
  readonly owner: Owner;
  /** Hears what was published, here too, in one order for all. */
  readonly onMessage: (message: unknown, origin: { readonly own: boolean }) => void;
  readonly onError: (error: unknown) => void;
  /** How long a message whose hint was lost waits at most. Default 5,000. */
  readonly pollMs?: number;
};

const key: RecordKey = { kind: "holdfast.relay", id: "relay" };
const stream = "messages";
const lifetime = { idleMs: 30 * 24 * 3_600_000 };
const maxMessages = 1_000;
const maxBytes = 4 * 1_048_576;
const defaultPollMs = 5_000;

export class Relay {
  readonly #init: RelayInit;
  readonly #topic: string;
  /** Who publishes here. */
  readonly node: string = mintSecret(96);
  readonly #ready: Promise<void>;
  #at: { readonly incarnation: number; readonly position: Position } = { incarnation: 0, position: 0 };
  #reading: Promise<void> | undefined;
  #again = false;
  #unsubscribe: () => void = () => undefined;
  #poll: NodeJS.Timeout | undefined;
  #closed = false;
  /** One commit at a time, so that their order is that in which they were published. */
  readonly #outgoing: Batcher<string, void>;

  constructor(init: RelayInit) {
    this.#init = init;
    this.#topic = `holdfast.relay.${init.owner}`;
    this.#outgoing = new Batcher({ run: (data) => this.#write(data), maxBatch: 64, maxQueue: 10_000 });
    this.#ready = this.#start();
    this.#ready.catch(init.onError);
  }

  /** Resolves once all that anybody publishes from now on will be heard here. */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** Resolves once it is sure to reach those who listen. Who is closing tells nobody anything any more. */
  async publish(message: unknown): Promise<void> {
    if (!this.#closed) await this.#outgoing.add(JSON.stringify([this.node, message]));
  }

  async close(): Promise<void> {
    this.#stop();
    await Promise.allSettled([this.#ready, this.#reading]);
    await this.#outgoing.idle();
  }

  #stop(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    this.#unsubscribe();
  }

  async #write(data: readonly string[]): Promise<readonly Settle<void>[]> {
    const longest = data.reduce((longer, { length }) => Math.max(longer, length), 1);
    // Of large ones fewer are kept.
    const keep = Math.max(data.length, Math.min(maxMessages, Math.floor(maxBytes / longest)));
    const { store } = this.#init;
    const committed = await store.commit(this.#init.owner, [appending(data, keep)]);
    if (!committed.ok) throw refusalError(committed.refusal);
    store.publish(this.#topic, "news");
    this.#wake();
    return data.map(() => ({ value: undefined }));
  }

  async #start(): Promise<void> {
    const { store, owner, pollMs = defaultPollMs } = this.#init;
    const committed = await store.commit(owner, [appending([], maxMessages)]);
    const [result] = committed.ok ? committed.results : [];
    if (result !== undefined) {
      this.#at = { incarnation: result.incarnation, position: result.heads.get(stream) ?? 0 };
    }
    if (this.#closed) return;
    this.#unsubscribe = store.subscribe(this.#topic, () => this.#wake());
    this.#poll = setInterval(() => this.#wake(), pollMs).unref();
    this.#wake();
  }

  #wake(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#reading ??= this.#readAll()
      .catch((error: unknown) => {
        if (this.#closed) return;
        this.#init.onError(error);
        // The hold was closed first: nothing will be heard any more, and once is enough to say so.
        if (isHoldfastError(error, "CLOSED")) this.#stop();
      })
      .finally(() => {
        this.#reading = undefined;
        if (this.#again) this.#wake();
      });
  }

  async #readAll(): Promise<void> {
    const { store, owner } = this.#init;
    while (this.#again && !this.#closed) {
      this.#again = false;
      const { position: after } = this.#at;
      const page = await store.events(owner, key, stream, { after, limit: maxMessages, maxBytes });
      if (page === undefined) continue;
      if (page.incarnation !== this.#at.incarnation) {
        // Nobody had said anything for a month, and positions count from 1 again.
        this.#at = { incarnation: page.incarnation, position: 0 };
        this.#again = true;
        continue;
      }
      for (const { data } of page.events) this.#hear(data);
      this.#at = { ...this.#at, position: page.events.at(-1)?.position ?? page.head };
      if (page.more) this.#again = true;
    }
  }

  #hear(data: string): void {
    if (this.#closed) return;
    // Written by `publish` only.
    const [node, message] = JSON.parse(data) as readonly [string, unknown];
    try {
      this.#init.onMessage(message, { own: node === this.node });
    } catch (error) {
      this.#init.onError(error);
    }
  }
}

function appending(data: readonly string[], keep: number): Change {
  return {
    ...key,
    expect: "any",
    create: { text: "{}", lifetime },
    slide: true,
    appends: [{ stream, data, keep }],
  };
}

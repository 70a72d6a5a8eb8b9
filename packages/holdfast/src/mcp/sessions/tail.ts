import { isHoldfastError } from "../../record/errors.ts";
import type { Owner, Position } from "../../record/record.ts";
import type { SessionDeps } from "./deps.ts";
import { readHint } from "./hints.ts";
import type { LiveStream } from "./live-stream.ts";
import { readLogEntry } from "./log-entry.ts";
import type { RpcResponse } from "./messages.ts";
import { messageEvent, primingEvent } from "./sse.ts";
import { formatEventId } from "./stream-id.ts";
import { outStream, sessionTopic, transportKey } from "./transport-record.ts";

export type TailInit = {
  readonly deps: SessionDeps;
  readonly owner: Owner;
  readonly sessionId: string;
  readonly streamId: string;
  /** The last position the client has. */
  readonly after: Position;
  readonly live: LiveStream;
  /** Called when everything so far is sent and the stream has not ended: says whether to wait for more. */
  readonly caughtUp?: () => Promise<boolean>;
  /** Where the opening of this connection is in the log. One opened later has taken the stream over. */
  readonly opened?: Position;
  /** Asked when the session is over: what the client is still owed. It goes out without a place to resume from. */
  readonly gone?: () => readonly RpcResponse[];
  /** Called once, when the first place to resume from has gone out. */
  readonly heard?: () => void;
  /** How often it looks by itself. Default: the endpoint's `pollMs`. */
  readonly pollMs?: number;
  /** Whether the client is to be told where it would resume, once the opening is reached. */
  readonly primes?: boolean;
};

const pageSize = 200;
const pageBytes = 512 * 1024;
const patienceMs = 30_000;
const retryMs = 1_000;

/**
 * Sends one stream of a session's log to a socket: first what is there, then what comes, from a cursor, so that there is
 * no gap and no duplicate between the two. Hints wake it; it also looks by itself, since hints may be lost.
 */
export class Tail {
  readonly #init: TailInit;
  #after: Position;
  #wake: () => void = () => undefined;
  #woken = true;
  #heard = false;
  readonly #beganAt = Date.now();

  constructor(init: TailInit) {
    this.#init = init;
    this.#after = init.after;
  }

  /** Resolves when the stream is over or its socket is gone. Throws what the store throws. */
  async run(): Promise<void> {
    const { deps, sessionId, live, pollMs = deps.options.pollMs } = this.#init;
    const unsubscribe = deps.store.subscribe(sessionTopic(sessionId), (hint) => this.#onHint(hint));
    // Jitter, so that streams which began together do not look together.
    const timer = setInterval(() => this.wake(), pollMs * (0.9 + Math.random() / 5)).unref();
    try {
      while (!live.closed && (await this.#send())) await this.#untilWoken();
    } finally {
      clearInterval(timer);
      unsubscribe();
    }
  }

  /** Look now. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  /** False once the stream has ended. A store that is away for a while ends no stream: clients would not all come back. */
  async #send(): Promise<boolean> {
    try {
      return await this.#sendPages();
    } catch (error) {
      if (!isHoldfastError(error) || !error.retryable) throw error;
      this.#init.deps.onError(error);
      await this.#untilWoken(retryMs);
      this.#woken = true;
      return true;
    }
  }

  /** False once the stream has ended. */
  async #sendPages(): Promise<boolean> {
    const { deps, owner, sessionId, live, caughtUp } = this.#init;
    const { metrics } = deps.telemetry;
    // What is replayed must not itself make a good reader look slow.
    const maxBytes = Math.min(pageBytes, Math.ceil(deps.options.maxStreamBufferBytes / 2));
    const catchUp = (): Promise<void> => live.drained(maxBytes / 2, patienceMs);
    // One message may be larger than what may wait, and a connection that was taken over brings its own along.
    await catchUp();
    for (let more = true; more && !live.closed; ) {
      this.#woken = false;
      const page = await deps.store.events(owner, transportKey(sessionId), outStream, {
        after: this.#after,
        limit: pageSize,
        maxBytes,
      });
      if (page === undefined) return this.#gone();
      // Trimmed beyond where we are: the client learns so when it comes back (E4).
      if (page.first > this.#after + 1) return this.#over();
      for (const { position, data, at } of page.events) {
        this.#after = position;
        // What was there before is replayed, and says nothing of how late things are.
        if (at >= this.#beganAt) metrics?.record("holdfast.stream.lag", Math.max(0, Date.now() - at) / 1_000);
        if (!this.#sendOne(position, data)) return this.#over();
      }
      more = page.more;
      await catchUp();
    }
    return (await caughtUp?.()) === false ? this.#over() : true;
  }

  /** False if this was the last. */
  #sendOne(position: Position, data: string): boolean {
    const { streamId, opened, primes, deps } = this.#init;
    const entry = readLogEntry(data);
    if (entry?.streamId !== streamId) return true;
    const eventId = formatEventId(streamId, position);
    switch (entry.tag) {
      case "open":
        return true;
      case "listen":
        if (position === opened && primes === true) this.#write(primingEvent(eventId, deps.options.retryMs));
        if (opened === undefined || position <= opened) return true;
        deps.tell({ change: "takeover" }, this.#init.sessionId);
        return false;
      case "message":
        this.#write(messageEvent(eventId, entry.payload));
        return true;
      case "last":
        this.#write(messageEvent(eventId, entry.payload));
        return false;
      case "end":
        return false;
    }
  }

  /** Sends something that can be resumed from. */
  #write(text: string): void {
    const { live, heard } = this.#init;
    live.write(text);
    if (this.#heard || heard === undefined) return;
    this.#heard = true;
    live.whenStarted(heard);
  }

  #gone(): false {
    const { gone, live } = this.#init;
    for (const response of gone?.() ?? []) live.write(messageEvent(undefined, JSON.stringify(response)));
    return this.#over();
  }

  #over(): false {
    this.#init.live.end();
    return false;
  }

  async #untilWoken(atMostMs?: number): Promise<void> {
    if ((this.#woken && atMostMs === undefined) || this.#init.live.closed) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (atMostMs !== undefined) timer = setTimeout(resolve, atMostMs).unref();
    });
    clearTimeout(timer);
    this.#wake = () => undefined;
  }

  #onHint(text: string | undefined): void {
    const hint = readHint(text);
    if (hint?.type === "in") return;
    if (hint?.type === "out" && hint.streams?.includes(this.#init.streamId) === false) return;
    this.wake();
  }
}

import type { StreamBody, StreamSink } from "../exchange.ts";
import { longestTimerMs, silenceMs } from "../http/silence.ts";
import { keepAliveComment } from "./sse.ts";

export type LiveStreamOptions = {
  readonly keepAliveMs: number;
  readonly maxAgeMs: number;
  /** A reader with more than this waiting is cut off. */
  readonly maxBufferBytes: number;
  /** The client's connection: a stream whose head was never sent ends with it. */
  readonly signal: AbortSignal;
  /** Called once, whoever ended the stream. */
  readonly onClosed: () => void;
};

/**
 * The socket side of an SSE stream, and nothing that could not be lost with the socket: it holds back what is written
 * before the head is out, keeps the connection warm, and cuts readers that are too slow or stay too long. They resume.
 */
export class LiveStream implements StreamBody {
  readonly #options: LiveStreamOptions;
  readonly #onAbort = (): void => this.#close();
  readonly #closing: (() => void)[] = [];
  readonly #starting: (() => void)[] = [];
  #sink: StreamSink | undefined;
  #held: string[] = [];
  #heldLength = 0;
  #ending = false;
  #closed = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #age: NodeJS.Timeout | undefined;

  constructor(options: LiveStreamOptions) {
    this.#options = options;
    // Not at once: who is making this stream has not got it yet.
    if (options.signal.aborted) queueMicrotask(this.#onAbort);
    else options.signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes, or before the head is out characters, that nobody has taken yet. */
  get buffered(): number {
    return this.#sink?.buffered ?? this.#heldLength;
  }

  /** Calls something once the stream is over; at once if it is. */
  whenClosed(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closing.push(listener);
  }

  /** Calls something once what was written has gone out; never, if the stream is over before. */
  whenStarted(listener: () => void): void {
    if (this.#sink === undefined) this.#starting.push(listener);
    else listener();
  }

  start(sink: StreamSink): () => void {
    if (this.#closed) {
      sink.end();
      return () => undefined;
    }
    this.#sink = sink;
    const held = this.#held;
    this.#held = [];
    this.#heldLength = 0;
    for (const text of held) sink.write(text);
    for (const listener of this.#starting.splice(0)) listener();
    if (this.#ending) {
      this.#close();
    } else {
      const { keepAliveMs } = this.#options;
      this.#heartbeat = setInterval(() => this.#beat(), keepAliveMs).unref();
      sink.closeWhenSilent?.(silenceMs(keepAliveMs));
      this.#age = setTimeout(() => this.end(), Math.min(this.#options.maxAgeMs, longestTimerMs)).unref();
    }
    return () => this.#close();
  }

  /** False once the stream is over, or with this call found too slow. */
  write(text: string): boolean {
    if (this.#closed || this.#ending) return false;
    if (this.buffered > this.#options.maxBufferBytes) {
      this.#cut();
      return false;
    }
    if (this.#sink === undefined) {
      this.#held.push(text);
      this.#heldLength += text.length;
    } else {
      this.#sink.write(text);
    }
    return true;
  }

  /** Ends the stream after what was written; one that has not started yet as soon as it does. */
  end(): void {
    if (this.#sink === undefined) this.#ending = true;
    else this.#close();
  }

  /** For a stream that never becomes the body of a reply: nobody will start it, so nobody would end it either. */
  discard(): void {
    this.#close();
  }

  /**
   * Resolves once the reader has caught up, the stream is over, or the reader was given up on: where its connection does
   * not find that out by itself, after so long.
   */
  async drained(belowBytes: number, patienceMs: number): Promise<void> {
    const watched = this.#sink?.closeWhenSilent !== undefined;
    const deadline = watched ? Number.POSITIVE_INFINITY : performance.now() + patienceMs;
    while (!this.#closed && this.buffered > belowBytes) {
      if (performance.now() > deadline) return this.#cut();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #beat(): void {
    // A connection with something to send needs no keeping open.
    if (this.buffered === 0) this.write(keepAliveComment);
  }

  #cut(): void {
    const sink = this.#sink;
    if (sink?.destroy === undefined) return this.#close();
    this.#sink = undefined;
    this.#close();
    sink.destroy();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#held = [];
    clearInterval(this.#heartbeat);
    clearTimeout(this.#age);
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.end();
    this.#options.onClosed();
    for (const listener of this.#closing.splice(0)) listener();
  }
}

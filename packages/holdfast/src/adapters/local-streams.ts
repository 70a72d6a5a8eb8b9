/** Open response streams of this process, by session: what frameworks hand to their managers as controllers. */
export type StreamController = Pick<ReadableStreamDefaultController<Uint8Array>, "enqueue" | "close">;

type Local = { readonly controller: StreamController; isKnown: boolean };

export class LocalStreams {
  readonly #streams = new Map<string, Local>();
  readonly #encoder = new TextEncoder();

  /** A newer stream of a session takes over, and the older one ends. */
  add(id: string, controller: StreamController): void {
    this.end(id);
    this.#streams.set(id, { controller, isKnown: false });
  }

  /** All nodes know of the stream that is here: what they say from now on is about it, and no longer about an older one. */
  known(id: string): void {
    const local = this.#streams.get(id);
    if (local !== undefined) local.isKnown = true;
  }

  /** Another node says that the session's stream is over. */
  endIfKnown(id: string): void {
    if (this.#streams.get(id)?.isKnown === true) this.end(id);
  }

  has(id: string): boolean {
    return this.#streams.has(id);
  }

  /** Sends to some sessions, or to all of this process. Those that are not here are passed over. */
  send(ids: readonly string[] | undefined, data: string): void {
    const bytes = this.#encoder.encode(data);
    for (const id of ids ?? [...this.#streams.keys()]) {
      try {
        this.#streams.get(id)?.controller.enqueue(bytes);
      } catch {
        // The client has gone, and nobody had said so.
        this.#streams.delete(id);
      }
    }
  }

  end(id: string): void {
    const local = this.#streams.get(id);
    this.#streams.delete(id);
    try {
      local?.controller.close();
    } catch {
      // It had ended already.
    }
  }

  endAll(): void {
    for (const id of [...this.#streams.keys()]) this.end(id);
  }
}

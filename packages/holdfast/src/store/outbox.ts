/** Hints on their way to other nodes: gathered for a moment, then sent together. */

/** PostgreSQL's NOTIFY, the narrowest carrier, takes less than 8,000 bytes. */
const maxPayloadBytes = 7_900;
const maxWaiting = 200;
const gatherMs = 5;

export class Outbox {
  readonly #node: string;
  readonly #send: (payloads: readonly string[]) => Promise<void>;
  readonly #waiting = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;

  /** @param send may reject: hints may be lost. */
  constructor(node: string, send: (payloads: readonly string[]) => Promise<void>) {
    this.#node = node;
    this.#send = send;
  }

  add(topic: string, hint: string): void {
    const payload = JSON.stringify([this.#node, topic, hint]);
    const fits = Buffer.byteLength(payload) <= maxPayloadBytes && this.#waiting.size < maxWaiting;
    // What does not fit becomes "something happened", which everybody looks after.
    this.#waiting.add(fits ? payload : JSON.stringify([this.#node]));
    this.#timer ??= setTimeout(() => this.#flush(), gatherMs);
  }

  /** Sends what is waiting; resolves once it is on its way. */
  async close(): Promise<void> {
    if (this.#timer !== undefined) this.#flush();
    while (this.#sending !== undefined) await this.#sending;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // A sending that was under way may have taken along what this was for.
    if (this.#waiting.size > 0) this.#sending ??= this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.size > 0) {
      const payloads = [...this.#waiting];
      this.#waiting.clear();
      await this.#send(payloads).catch(() => undefined);
    }
    this.#sending = undefined;
  }
}

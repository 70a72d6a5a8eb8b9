import type { Socket } from "node:net";

/** What befalls the bytes of one direction. Shared by all connections, and changed while they are open. */
export type Weather = {
  delayMs: number;
  losing: boolean;
  /** How many more bytes pass before a connection is cut; then undefined again. */
  bytesLeft: number | undefined;
};

/** What was seen of one direction, over all connections. */
export type Tally = { passed: number; lost: number };

export type PipeOptions = {
  readonly from: Socket;
  readonly to: Socket;
  readonly weather: Weather;
  readonly tally: Tally;
  /** Ends the connection this is one half of. */
  readonly cut: () => void;
};

/** One direction of one connection. */
export class Pipe {
  readonly #options: PipeOptions;
  readonly #waiting: { readonly dueAt: number; readonly deliver: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #holed = false;

  constructor(options: PipeOptions) {
    this.#options = options;
    const { from, to, cut } = options;
    from.on("data", (data: Buffer) => this.#arrive(data));
    from.on("end", () => {
      // Where nothing passes, nobody hears of an end either.
      if (this.#loses) this.#holed = true;
      else this.#whenDue(() => to.end());
    });
    from.on("error", cut);
  }

  /** Whether bytes were dropped: a stream with a hole can only be cut, since no network would ever deliver the rest. */
  get holed(): boolean {
    return this.#holed;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  get #loses(): boolean {
    return this.#holed || this.#options.weather.losing;
  }

  #arrive(data: Buffer): void {
    const { to, weather, tally, cut } = this.#options;
    if (this.#loses) {
      this.#holed = true;
      tally.lost += data.length;
      return;
    }
    const passing = weather.bytesLeft === undefined ? data : data.subarray(0, weather.bytesLeft);
    tally.passed += passing.length;
    const whole = passing.length === data.length;
    if (weather.bytesLeft !== undefined) weather.bytesLeft = whole ? weather.bytesLeft - passing.length : undefined;
    this.#whenDue(() => {
      if (whole) this.#write(passing);
      else to.end(passing, cut);
    });
  }

  #write(data: Buffer): void {
    const { from, to } = this.#options;
    if (to.write(data)) return;
    from.pause();
    to.once("drain", () => from.resume());
  }

  /** Now, or later, but never before what came earlier. */
  #whenDue(deliver: () => void): void {
    this.#waiting.push({ dueAt: performance.now() + this.#options.weather.delayMs, deliver });
    if (this.#timer === undefined) this.#deliverDue();
  }

  /** One timer for all: two that are due at almost the same time fire in any order. */
  #deliverDue(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const leftMs = next.dueAt - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#deliverDue();
        }, leftMs);
        return;
      }
      this.#waiting.shift();
      next.deliver();
    }
  }
}

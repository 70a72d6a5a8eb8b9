/** Browsers to be lent, one to a session, and some that are started before anybody asks. */
import { HoldfastError } from "holdfast";

import { Browser } from "./browser.ts";

export type PoolOptions = {
  /** What a browser runs. */
  readonly program: string;
  /** Browsers that may be lent at a time. */
  readonly max: number;
  /** Browsers that wait, started, for the next sessions. */
  readonly spare: number;
};

/**
 * A browser that comes back is closed rather than lent again: its cookies are those of a person. What is pooled is the time that starting takes, and
 * how many there may be.
 */
export class BrowserPool implements AsyncDisposable {
  readonly #options: PoolOptions;
  readonly #waiting: Promise<Browser>[] = [];
  #lent = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#refill();
  }

  get counts(): { readonly lent: number; readonly waiting: number } {
    return { lent: this.#lent, waiting: this.#waiting.length };
  }

  /** Refuses where all are lent: who waited would wait for somebody's session to end. */
  async lend(): Promise<Browser> {
    if (this.#closed) throw new HoldfastError("UNAVAILABLE", "this process is being stopped; try again");
    if (this.#lent >= this.#options.max) {
      throw new HoldfastError("UNAVAILABLE", `all ${this.#options.max} browsers are in use; try again later`);
    }
    this.#lent += 1;
    try {
      // Counted before anything is awaited, so that many who ask at once are never given one too many.
      const taken = this.#waiting.shift() ?? this.#start();
      this.#refill();
      const browser = await taken;
      return browser.alive ? browser : await this.#start();
    } catch (error) {
      this.#lent -= 1;
      throw error;
    }
  }

  async takeBack(browser: Browser): Promise<void> {
    this.#lent -= 1;
    await browser[Symbol.asyncDispose]();
  }

  /** Closes those that wait. Those that are lent are closed with their sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#waiting.splice(0).map(async (one) => (await one)[Symbol.asyncDispose]()));
  }

  #refill(): void {
    const { max, spare } = this.#options;
    while (!this.#closed && this.#waiting.length < Math.min(spare, max - this.#lent)) this.#waiting.push(this.#start());
  }

  #start(): Promise<Browser> {
    const browser = Browser.start(this.#options.program);
    // Whoever is given it hears why it could not be started.
    browser.catch(() => undefined);
    return browser;
  }
}

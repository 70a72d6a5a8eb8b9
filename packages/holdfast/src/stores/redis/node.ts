/**
 * The way to one Redis server: a line that is opened again whenever it breaks, with growing pauses, behind a breaker.
 *
 *     down ──> trying ──> up ──> down …        calls wait for "up", for so long and no longer
 *                └─ five failures ─> open ──> one try ──> up, or open again        calls fail at once
 *
 * Nothing is kept while it is down, and nothing that was sent is ever sent again.
 */
import { HoldfastError } from "../../record/errors.ts";
import { type Breaker, connectionBreaker } from "../../store/breaker.ts";
import type { Line } from "./dial.ts";
import { Lost, unavailable } from "./failures.ts";

const longestPauseMs = 2_000;
const failuresToOpen = 5;
const openMs = 1_000;

export type NodeDuties = {
  /** In messages. */
  readonly name: string;
  readonly open: () => Promise<Line>;
  /** Whether the line that is open still leads where it should. Default: it does. */
  readonly isCurrent?: () => Promise<boolean>;
  readonly connectTimeoutMs: number;
  readonly pingMs: number;
};

type Waiting = { readonly resolve: (line: Line) => void; readonly reject: (error: unknown) => void };

export class RedisNode {
  readonly #duties: NodeDuties;
  readonly #breaker: Breaker = connectionBreaker({ failures: failuresToOpen, openMs });
  readonly #waiting = new Set<Waiting>();
  readonly #closing = new AbortController();
  #line: Line | undefined;
  #trying: Promise<void> | undefined;
  #ping: NodeJS.Timeout | undefined;
  #isBusy = false;
  #problem: unknown;

  constructor(duties: NodeDuties) {
    this.#duties = duties;
  }

  get isUp(): boolean {
    return this.#line !== undefined;
  }

  /** Whether nobody tries to reach it right now, because that failed too often. */
  get isGivenUp(): boolean {
    return this.#breaker.isOpen;
  }

  /** Has it tried again, if it is down. */
  wake(): void {
    if (this.#line === undefined && !this.#closing.signal.aborted) this.#keepTrying();
  }

  /** Connects once. Rejects where that fails; nothing goes on by itself then. */
  async connect(): Promise<void> {
    this.#use(await this.#duties.open());
  }

  /**
   * Sends a command, after `ASKING` if that is what the server wants. Rejects with `Refused` or `UNAVAILABLE`, having
   * changed nothing, or with `Lost`.
   */
  async send(command: readonly string[], asking = false): Promise<unknown> {
    const line = this.#line ?? (await this.#whenUp());
    this.#isBusy = true;
    try {
      if (!asking) return await line.send(command);
      // Both are on their way before either is answered, so nothing comes between them.
      const [, answer] = await Promise.all([line.send(["ASKING"]), line.send(command)]);
      return answer;
    } catch (error) {
      if (error instanceof Lost) this.#lose(line);
      throw error;
    }
  }

  /** Gives the line up, because what it leads to is not what is wanted any more. */
  drop(): void {
    if (this.#line !== undefined) this.#lose(this.#line);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#ping);
    this.#line?.end();
    this.#line = undefined;
    this.#rejectWaiting(new HoldfastError("CLOSED", "the store is closed"));
    await this.#trying;
  }

  #whenUp(): Promise<Line> {
    if (this.#closing.signal.aborted) return Promise.reject(new HoldfastError("CLOSED", "the store is closed"));
    this.#keepTrying();
    if (this.#breaker.isOpen) return Promise.reject(this.#unreachable());
    return new Promise<Line>((resolve, reject) => {
      const timer = setTimeout(() => settle(() => reject(this.#unreachable())), this.#duties.connectTimeoutMs);
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        how();
      };
      const waiting: Waiting = {
        resolve: (line) => settle(() => resolve(line)),
        reject: (error) => settle(() => reject(error)),
      };
      this.#waiting.add(waiting);
    });
  }

  #keepTrying(): void {
    this.#trying ??= this.#try().finally(() => {
      this.#trying = undefined;
    });
  }

  async #try(): Promise<void> {
    for (let failures = 0; !this.#closing.signal.aborted; failures += 1) {
      try {
        const line = await this.#breaker.attempt(this.#duties.open);
        this.#use(line);
        return;
      } catch (error) {
        this.#problem = error;
        if (this.#breaker.isOpen) this.#rejectWaiting(this.#unreachable());
      }
      await pause(Math.random() * Math.min(longestPauseMs, 50 * 2 ** failures), this.#closing.signal);
    }
  }

  #use(line: Line): void {
    if (this.#closing.signal.aborted) {
      line.end();
      return;
    }
    this.#line = line;
    void line.dead.then(() => this.#lose(line));
    this.#ping ??= setInterval(() => this.#beat(), this.#duties.pingMs).unref();
    for (const waiting of this.#waiting) waiting.resolve(line);
  }

  #lose(line: Line): void {
    line.end();
    if (line !== this.#line) return;
    this.#line = undefined;
    if (!this.#closing.signal.aborted) this.#keepTrying();
  }

  /** A line nobody used for a while may be dead without anybody having been told. */
  #beat(): void {
    const line = this.#line;
    if (line === undefined) return;
    if (!this.#isBusy) line.send(["PING"]).catch(() => undefined);
    this.#isBusy = false;
    void this.#duties.isCurrent?.().then((isCurrent) => {
      if (!isCurrent) this.#lose(line);
    });
  }

  #rejectWaiting(error: unknown): void {
    for (const waiting of this.#waiting) waiting.reject(error);
  }

  #unreachable(): HoldfastError {
    return unavailable(`Redis at ${this.#duties.name} cannot be reached; nothing was sent`, this.#problem);
  }
}

/** Resolves at once where the signal was aborted already: whoever closes waits for this, and may be the last who waits for anything. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const timer = setTimeout(done, ms);
    timer.unref();
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}

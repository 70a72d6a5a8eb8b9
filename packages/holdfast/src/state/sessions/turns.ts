/**
 * Turns are written behind the caller's back: collected per session, flushed 25 ms later or as soon as the flush before is
 * over, one commit per session, never two flushes at once. A kill may lose what waits, and so may a store that does not
 * answer; nothing else is ever lost with it.
 */
import type { Owner } from "../../record/record.ts";
import { Aborts } from "../../store/abort.ts";
import type { Committed } from "../../store/contract.ts";
import type { Engine } from "../engine.ts";
import { refusalError } from "../refusals.ts";
import type { Turns } from "../serving-hold.ts";
import type { Turn } from "../types.ts";
import { sessionKind, turnsStream } from "./definition.ts";
import { turnText } from "./turn-text.ts";

export type TurnRecorderOptions = {
  readonly engine: Pick<Engine, "commit" | "growthQuota" | "onError">;
  readonly keep: number;
  /** How long a turn may wait. */
  readonly flushAfterMs?: number | undefined;
  /** Most turns waiting; more are given up. */
  readonly maxWaiting?: number | undefined;
  /** A flush that takes longer gives up what is left, so that nothing piles up behind a store that hangs. */
  readonly maxFlushMs?: number | undefined;
};

type Waiting = { readonly owner: Owner; readonly sessionId: string; readonly data: string[] };

/** Sessions written at the same time. */
const width = 64;

export class TurnRecorder implements Turns {
  readonly #engine: TurnRecorderOptions["engine"];
  readonly #keep: number;
  readonly #flushAfterMs: number;
  readonly #maxWaiting: number;
  readonly #aborts = new Aborts();
  readonly #maxFlushMs: number;
  #waiting = new Map<string, Waiting>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #closed = false;
  written = 0;
  lost = 0;

  constructor({ engine, keep, flushAfterMs = 25, maxWaiting = 10_000, maxFlushMs = 10_000 }: TurnRecorderOptions) {
    this.#engine = engine;
    this.#keep = keep;
    this.#flushAfterMs = flushAfterMs;
    this.#maxWaiting = maxWaiting;
    this.#maxFlushMs = maxFlushMs;
  }

  record(owner: Owner, sessionId: string, turn: Turn): void {
    if (this.#closed || this.#count >= this.#maxWaiting) {
      this.lost += 1;
      return;
    }
    const data = turnText(turn);
    if (data === undefined) {
      this.lost += 1;
      return;
    }
    const address = `${owner}/${sessionId}`;
    const waiting = this.#waiting.get(address);
    if (waiting === undefined) this.#waiting.set(address, { owner, sessionId, data: [data] });
    else waiting.data.push(data);
    this.#count += 1;
    this.#timer ??= setTimeout(() => void this.flush(), this.#flushAfterMs).unref();
  }

  /** Writes the waiting turns of a session first, if there are any, so that who reads next sees them. Throws `ABORTED`. */
  async settle(owner: Owner, sessionId: string, signal: AbortSignal | undefined): Promise<void> {
    const written = this.#waiting.has(`${owner}/${sessionId}`) ? this.flush() : this.#flushing;
    if (written === undefined) return;
    await new Aborts().until<void>(signal, ({ resolve, reject }) => {
      written.then(resolve, reject);
    });
  }

  /** Never throws: what cannot be written is counted. */
  async flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#count === 0) return;
    const waiting = [...this.#waiting.values()];
    this.#waiting = new Map();
    this.#count = 0;
    this.#flushing = this.#writeAll(waiting).finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
  }

  /** Writes what waits; later turns are given up. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  async #writeAll(waiting: readonly Waiting[]): Promise<void> {
    const signal = AbortSignal.timeout(this.#maxFlushMs);
    for (let from = 0; from < waiting.length; from += width) {
      await Promise.all(waiting.slice(from, from + width).map((one) => this.#write(one, signal)));
    }
  }

  async #write({ owner, sessionId, data }: Waiting, signal: AbortSignal): Promise<void> {
    const kept = data.slice(-this.#keep);
    const append = { stream: turnsStream, data: kept, keep: this.#keep };
    const change = { kind: sessionKind, id: sessionId, expect: "present", appends: [append] } as const;
    try {
      // A store that does not even give up in time is not waited for.
      const committed = await this.#aborts.until<Committed>(signal, ({ resolve, reject }) => {
        this.#engine.commit(owner, [change], { quota: this.#engine.growthQuota, signal }).then(resolve, reject);
      });
      if (committed.ok) {
        this.written += data.length;
        return;
      }
      this.lost += data.length;
      // That a client ends its session right after a call is its good right, and nothing an operator has to hear of.
      if (committed.refusal.reason !== "version") this.#engine.onError(refusalError(committed.refusal));
    } catch (error) {
      this.lost += data.length;
      this.#engine.onError(error);
    }
  }
}

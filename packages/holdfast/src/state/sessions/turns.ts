/**
 * Turns are written behind the caller's back: collected per session, flushed at most 50 ms later, one commit per
 * session, never two flushes at once. A kill may lose what waits; nothing else is ever lost with it.
 */
import type { Owner } from "../../record/record.ts";
import type { Engine } from "../engine.ts";
import type { Turns } from "../hold.ts";
import { parseStored } from "../json.ts";
import { refusalError } from "../refusals.ts";
import type { Turn } from "../types.ts";
import { sessionKind, turnsStream } from "./definition.ts";

export type TurnRecorderOptions = {
  readonly engine: Engine;
  readonly keep: number;
  /** How long a turn may wait. */
  readonly flushAfterMs?: number | undefined;
  /** Most turns waiting; more are given up. */
  readonly maxWaiting?: number | undefined;
};

type Waiting = { readonly owner: Owner; readonly sessionId: string; readonly data: string[] };

/** Sessions written at the same time. */
const width = 64;
/** A flush that takes longer gives up what is left, so that nothing piles up behind a store that hangs. */
const maxFlushMs = 10_000;
/** Bytes of an input that a turn keeps; of larger ones it keeps the size. */
export const maxTurnInputBytes = 16_384;
const maxPreview = 200;

export class TurnRecorder implements Turns {
  readonly #engine: Engine;
  readonly #keep: number;
  readonly #flushAfterMs: number;
  readonly #maxWaiting: number;
  #waiting = new Map<string, Waiting>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #closed = false;
  written = 0;
  lost = 0;

  constructor({ engine, keep, flushAfterMs = 25, maxWaiting = 10_000 }: TurnRecorderOptions) {
    this.#engine = engine;
    this.#keep = keep;
    this.#flushAfterMs = flushAfterMs;
    this.#maxWaiting = maxWaiting;
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

  /** Writes the waiting turns of a session first, if there are any, so that who reads next sees them. */
  async settle(owner: Owner, sessionId: string): Promise<void> {
    if (this.#waiting.has(`${owner}/${sessionId}`)) await this.flush();
    else await this.#flushing;
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
    const signal = AbortSignal.timeout(maxFlushMs);
    for (let from = 0; from < waiting.length; from += width) {
      await Promise.all(waiting.slice(from, from + width).map((one) => this.#write(one, signal)));
    }
  }

  async #write({ owner, sessionId, data }: Waiting, signal: AbortSignal): Promise<void> {
    const kept = data.slice(-this.#keep);
    const append = { stream: turnsStream, data: kept, keep: this.#keep };
    const change = { kind: sessionKind, id: sessionId, expect: "present", appends: [append] } as const;
    try {
      const committed = await this.#engine.commit(owner, [change], {
        quota: this.#engine.growthQuota,
        signal,
      });
      if (!committed.ok) throw refusalError(committed.refusal);
      this.written += data.length;
    } catch (error) {
      this.lost += data.length;
      this.#engine.onError(error);
    }
  }
}

/** A turn as stored; undefined if it cannot be. */
function turnText({ tool, input, outputPreview, at, durationMs, ok }: Turn): string | undefined {
  try {
    const when = at.toISOString();
    return JSON.stringify({
      tool,
      input: boundedInput(input),
      outputPreview: preview(outputPreview),
      at: when,
      durationMs,
      ok,
    });
  } catch {
    return undefined;
  }
}

function boundedInput(input: unknown): unknown {
  if (input === undefined) return null;
  const text = JSON.stringify(input) ?? "null";
  return text.length <= maxTurnInputBytes ? input : { truncated: true, characters: text.length };
}

/** At most 200 characters, and never half of one. */
function preview(text: string): string {
  if (text.length <= maxPreview) return text;
  const cut = text.slice(0, maxPreview);
  const last = cut.charCodeAt(maxPreview - 1);
  return last >= 0xd800 && last <= 0xdbff ? cut.slice(0, -1) : cut;
}

/** A turn as it was stored. */
export function parseTurn(data: string): Turn {
  // Written by `turnText`.
  const stored = parseStored(data, "a turn") as Omit<Turn, "at"> & { readonly at: string };
  return { ...stored, at: new Date(stored.at) };
}

/**
 * The lines that listen on the channels of hints. Sharded channels lie in slots, so in a cluster each is listened to where
 * its slot is; if one of them is lost, all are looked up again.
 */
import type { Ears } from "../../store/hints.ts";
import type { Line } from "./dial.ts";
import type { Topology } from "./topology.ts";

export type ListeningDuties = {
  readonly topology: Topology;
  readonly channels: readonly string[];
  readonly onPayload: (payload: string) => void;
  /** Hints may have been missed until now. */
  readonly onListening: () => void;
};

const longestPauseMs = 5_000;

export class RedisEars implements Ears {
  readonly #duties: ListeningDuties;
  #lines: readonly Line[] = [];
  #opening: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #wanted = false;
  #hears = false;

  constructor(duties: ListeningDuties) {
    this.#duties = duties;
  }

  get hears(): boolean {
    return this.#hears;
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#open();
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#retry);
    await this.#opening;
    this.#end();
  }

  #open(): void {
    this.#opening ??= this.#listen().finally(() => {
      this.#opening = undefined;
    });
  }

  async #listen(): Promise<void> {
    const { topology, channels, onPayload, onListening } = this.#duties;
    const opened: Line[] = [];
    try {
      const lines = await topology.linesFor(channels);
      opened.push(...lines.map(({ line }) => line));
      await Promise.all(lines.map(({ line, channels: own }) => line.listen(own, onPayload)));
    } catch {
      for (const line of opened) line.end();
      this.#tryLater();
      return;
    }
    this.#lines = opened;
    this.#hears = true;
    this.#failures = 0;
    for (const line of opened) void line.dead.then(() => this.#lost(line));
    onListening();
  }

  #lost(line: Line): void {
    if (!this.#lines.includes(line)) return;
    this.#end();
    this.#tryLater();
  }

  #end(): void {
    this.#hears = false;
    const lines = this.#lines;
    this.#lines = [];
    for (const line of lines) line.end();
  }

  #tryLater(): void {
    if (!this.#wanted) return;
    this.#failures += 1;
    const pauseMs = Math.random() * Math.min(longestPauseMs, 50 * 2 ** this.#failures);
    this.#retry = setTimeout(() => this.#open(), pauseMs);
    this.#retry.unref();
  }
}

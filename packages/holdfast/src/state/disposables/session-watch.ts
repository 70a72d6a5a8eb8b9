import type { Owner, RecordKey, RecordSummary, Version } from "../../record/record.ts";
import type { Engine } from "../engine.ts";

/** Longest between two looks at a session of which nothing is heard. */
const lookEveryMs = 5_000;
/** After a look that failed. */
const retryMs = 1_000;
/** So that the store's clock has passed the moment a session expires at. */
const graceMs = 5;

export type WatchInit = {
  readonly engine: Pick<Engine, "read">;
  readonly owner: Owner;
  readonly key: RecordKey;
  readonly onOver: (cause: "ended" | "expired") => void;
};

/**
 * Finds out that a session is over: at the moment it would expire, when it is told that it may be, and by itself every few
 * seconds. It reads and never slides, so a session is not kept by being watched; its timer keeps no process alive.
 */
export class SessionWatch {
  readonly #init: WatchInit;
  #incarnation: Version | undefined;
  #expiresAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<boolean> | undefined;
  /** Something was heard while a look was under way, which may have missed it. */
  #again = false;
  #stopped = false;

  constructor(init: WatchInit) {
    this.#init = init;
  }

  /** Whether the session is live. Rejects where the store cannot say. */
  async look(): Promise<boolean> {
    if (this.#stopped) return false;
    if (this.#looking !== undefined) {
      this.#again = true;
      return await this.#looking;
    }
    this.#looking = this.#lookUntilSettled().finally(() => {
      this.#looking = undefined;
    });
    return await this.#looking;
  }

  /** Looks, and later again where the store cannot say. */
  async wake(): Promise<void> {
    try {
      await this.look();
    } catch {
      this.#schedule(retryMs);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #lookUntilSettled(): Promise<boolean> {
    let live: boolean;
    do {
      this.#again = false;
      live = await this.#lookOnce();
    } while (live && this.#again);
    return live;
  }

  async #lookOnce(): Promise<boolean> {
    const { engine, owner, key, onOver } = this.#init;
    const { record, at } = await engine.read(owner, key, { signal: AbortSignal.timeout(lookEveryMs) });
    if (this.#stopped) return false;
    if (record === undefined || this.#isAnother(record)) {
      this.stop();
      onOver(this.#expiresAt !== undefined && this.#expiresAt <= at ? "expired" : "ended");
      return false;
    }
    this.#expiresAt = record.expiresAt;
    const leftMs = record.expiresAt === undefined ? lookEveryMs : record.expiresAt - at + graceMs;
    this.#schedule(Math.min(leftMs, lookEveryMs));
    return true;
  }

  /** Ids are not given twice, except to what is brought back from a dump. */
  #isAnother({ incarnation }: RecordSummary): boolean {
    this.#incarnation ??= incarnation;
    return this.#incarnation !== incarnation;
  }

  #schedule(inMs: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.wake(), Math.max(1, inMs)).unref();
  }
}

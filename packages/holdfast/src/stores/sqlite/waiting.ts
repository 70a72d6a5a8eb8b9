/** Waiting for a lock without holding the thread: try, step aside for a moment, try again (traps F15 and F19). */
import { throwIfAborted } from "../../record/abort.ts";
import { busyTooLong, isBusy, translate } from "./failures.ts";

export type Patience = {
  /** Most milliseconds to go on trying. */
  readonly timeoutMs: number;
  /** Ends the waiting early. */
  readonly signal?: AbortSignal | undefined;
  /** Called once, when the first attempt found the lock taken. */
  readonly onBusy?: () => void;
};

const longestPauseMs = 16;

/**
 * Runs `attempt`, synchronously each time, until it does not fail for being busy. Throws translated errors, `ABORTED`,
 * or `UNAVAILABLE` once patience is over.
 */
export async function untilNotBusy<T>(attempt: () => T, { timeoutMs, signal, onBusy }: Patience): Promise<T> {
  const until = performance.now() + timeoutMs;
  for (let tries = 0; ; tries += 1) {
    throwIfAborted(signal);
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error)) throw translate(error);
      if (performance.now() >= until) throw busyTooLong(error);
    }
    if (tries === 0) onBusy?.();
    await pause(Math.random() * Math.min(longestPauseMs, 0.5 * 2 ** tries));
  }
}

/** Gives up the thread: for one turn of the event loop, or for about this long. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (ms < 0.5) setImmediate(resolve);
    else setTimeout(resolve, ms);
  });
}

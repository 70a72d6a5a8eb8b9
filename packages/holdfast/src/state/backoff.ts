import { abortedBy, throwIfAborted } from "../record/abort.ts";

export type BackoffOptions = { readonly baseMs: number; readonly capMs: number };

/** Full jitter: anything from nothing to a bound that doubles with each attempt (from 0) up to the cap. */
export function jitteredMs(attempt: number, { baseMs, capMs }: BackoffOptions, random: () => number): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
}

/** Waits, or throws `ABORTED` as soon as the caller gives up. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(abortedBy(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Node's timers fire at once beyond it. */
export const longestTimerMs: number = 2 ** 31 - 1;

/** A reader that takes nothing for so many heartbeats is gone. */
const silentBeats = 4;

/** How long a stream's reader may take nothing of what is there for it. */
export function silenceMs(keepAliveMs: number): number {
  return Math.min(silentBeats * keepAliveMs, longestTimerMs);
}

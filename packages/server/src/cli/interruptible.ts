import { constants } from "node:os";
import { isHoldfastError } from "holdfast/contract";

import { listenForStop } from "../lifecycle/signals.ts";

/**
 * Runs a command that ends early when the process is asked to stop: its signal is aborted, and what it answers then is by
 * convention 128 and the number of the signal.
 */
export async function interruptible(
  ownsSignals: boolean,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  if (ownsSignals) return await work(controller.signal);
  using stop = listenForStop();
  let stopped: number | undefined;
  void stop.first.then((signal) => {
    stopped = 128 + constants.signals[signal];
    controller.abort();
  });
  try {
    const code = await work(controller.signal);
    return stopped ?? code;
  } catch (error) {
    if (stopped !== undefined && isHoldfastError(error, "ABORTED")) return stopped;
    throw error;
  }
}

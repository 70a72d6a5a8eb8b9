import { HoldfastError } from "./errors.ts";

/** The error of a call whose caller gave up, with the signal's reason as its cause. */
export function abortedBy(signal: AbortSignal | undefined): HoldfastError {
  return new HoldfastError("ABORTED", "the caller gave up", { cause: signal?.reason });
}

/** Throws `ABORTED` with the signal's reason as its cause. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedBy(signal);
}

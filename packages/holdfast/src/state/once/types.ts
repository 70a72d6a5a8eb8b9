import type { CallOptions } from "../types.ts";

/** A call that counts once. */
export type OnceCall = CallOptions & {
  /** What is done: a tool's name. 1 to 128 characters. */
  readonly name: string;
  /** The caller's own name for the call, the same when it is repeated. 1 to 128 characters. Remembered for 24 hours. */
  readonly key: string;
  /** What is asked for, as JSON: the same key with another intent is `COMMIT_ID_REUSED`. Default: nothing in particular. */
  readonly intent?: unknown;
  /** How long to wait for the same call under way elsewhere; then `CONTENTION`. Default 60,000. */
  readonly waitMs?: number;
};

/** Calls that count once, however often they are repeated. */
export interface Once {
  /**
   * Runs a function whose changes of state count once, however often the call is repeated within 24 hours, here or on
   * another node, at once or later, and answers every time what it answered first. The answer is JSON.
   *
   * The function itself may run more than once: when the process dies before the answer is stored, a repeat runs it
   * again, and each change in it that was made already answers as it did then. So it should do the same when it sees the
   * same; what it does outside of holdfast happens at least once. A function that throws is not over: a repeat goes on
   * where it failed.
   */
  once<T>(call: OnceCall, fn: () => Promise<T>): Promise<T>;
}

import { HoldfastError } from "../../record/errors.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";

/** Bounds and clock of a store in memory; all may be left out. What is unknown or cannot be throws `CONFIGURATION`. */
export type MemoryStoreOptions = {
  /** The store's clock, in milliseconds since the epoch. What it answers is never taken to run backwards. Default: `Date.now`. */
  readonly clock?: (() => number) | undefined;
  /** Most bytes of documents and events in all. Beyond them commits that grow throw `STORE_FULL`. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /**
   * Most commit ids remembered in all. Beyond them commits with a new id throw `STORE_FULL`. One owner has at most a tenth
   * of them as a caller's, and is refused by quota beyond. Default 1,000,000.
   */
  readonly maxCommitIds?: number | undefined;
  /**
   * Awaited before every operation takes effect. Default: one turn of the event loop, so that callers interleave as
   * they would over a network. A test may permute operations with it.
   */
  readonly turn?: (() => Promise<void>) | undefined;
};

export type ResolvedOptions = {
  readonly clock: () => number;
  readonly maxBytes: number;
  readonly maxCommitIds: number;
  readonly turn: () => Promise<void>;
};

/** What the options of the memory store are where none is given. */
export const memoryDefaults: ResolvedOptions = {
  clock: Date.now,
  maxBytes: 1_073_741_824,
  maxCommitIds: 1_000_000,
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};

/** Throws `CONFIGURATION` naming an option that does not exist or a limit that is none. */
export function resolveOptions(options: MemoryStoreOptions): ResolvedOptions {
  refuseUnknownNames("the memory store", options, Object.keys(memoryDefaults), "CONFIGURATION");
  for (const name of ["maxBytes", "maxCommitIds"] as const) {
    const limit = options[name];
    if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1)) {
      throw new HoldfastError("CONFIGURATION", `${name} is a whole number from 1, not ${limit}`);
    }
  }
  const { clock, maxBytes, maxCommitIds, turn } = options;
  return {
    clock: clock ?? memoryDefaults.clock,
    maxBytes: maxBytes ?? memoryDefaults.maxBytes,
    maxCommitIds: maxCommitIds ?? memoryDefaults.maxCommitIds,
    turn: turn ?? memoryDefaults.turn,
  };
}

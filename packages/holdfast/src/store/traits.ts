/** What a store says of itself: what it is, how it is, what it counts. */

/** What a store is: what it survives, and who else sees what it keeps. */
export type StoreTraits = {
  /** `memory`, `sqlite`, `postgres`, `redis`, `tiered`, or a third party's name. */
  readonly name: string;
  /** What survives: nothing, the process, or loss of power on its host. */
  readonly durability: "none" | "process" | "host";
  /**
   * Whether a reply can be lost on its way, so that callers should attach internal commit ids. Where it is false, the one
   * commit that may still end in `OUTCOME_UNKNOWN` is one during which the store's own disk failed.
   */
  readonly outcomeCanBeUnknown: boolean;
  /** Whether other processes see the same records. */
  readonly shared: boolean;
};

/** Whether a store can be used now, and what it promises as it is configured. */
export type StoreHealth = {
  readonly ok: boolean;
  /** A sentence an operator understands: what survives which fault, as configured. */
  readonly durability: string;
  readonly warnings: readonly string[];
  readonly details: Readonly<Record<string, string | number | boolean>>;
};

/** What a store counts of itself, for metrics. What it does not have it leaves out. */
export type StoreFigures = {
  /** Commits that wait for their batch. */
  readonly queued?: number;
  /** Batches sent so far, by how many commits were in them: 1, 2 to 3, 4 to 7, … 64 and more. */
  readonly batches?: readonly number[];
  /** Of reads that a cache in front of the store may answer: how many it did, and how many it did not. */
  readonly cache?: { readonly hits: number; readonly misses: number };
  /** Whether nobody tries to reach the server right now, because that failed again and again. */
  readonly breakerOpen?: boolean;
  readonly connections?: {
    readonly used: number;
    readonly idle: number;
    readonly max: number;
    /** Calls that wait for one. */
    readonly waiting: number;
  };
};

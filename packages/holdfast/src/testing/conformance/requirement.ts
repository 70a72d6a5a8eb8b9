import type { Owner } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import type { Rule } from "./rules.ts";

/** What a store under test can do besides being opened. Requirements that need more are skipped, and said to be. */
export type Capability = "reopen" | "peer" | "advanceClock";

/** One thing a store has to do. Requirements are data: an id that never changes meaning, and a test that can fail. */
export type Requirement = {
  /** A capital letter for the group and a number: `V3`. */
  readonly id: string;
  readonly group: string;
  /** The requirement as a sentence. */
  readonly text: string;
  /** What it follows from. */
  readonly rule: Rule;
  readonly needs?: readonly Capability[];
  /** Resolves if the store keeps the requirement, and throws if not. */
  readonly test: (context: Context) => Promise<void>;
};

/** One freshly opened store and what its author lets the suite do with it. */
export interface StoreUnderTest {
  /** Empty, or holding data of other owners only. The suite closes it. */
  readonly store: Store;
  /** Opens the same data again, after `store` was closed. For stores that survive a close. */
  readonly reopen?: () => Promise<Store>;
  /** Opens the same data once more beside `store`, as another node would. */
  readonly peer?: () => Promise<Store>;
  /** Moves the clock of this store, and of its peers and reopenings, forward. */
  readonly advanceClock?: (ms: number) => void | Promise<void>;
  /** Called last, after everything opened was closed. */
  readonly dispose?: () => Promise<void>;
}

/** Opens a store for one requirement. */
export type OpenStore = () => Promise<StoreUnderTest>;

/** What the test of a requirement works with. */
export interface Context {
  readonly store: Store;
  readonly capabilities: readonly Capability[];
  /** An owner nobody else uses. */
  owner(): Owner;
  /** A record id nobody else uses. */
  id(): string;
  /** A number from 0 below `below`, from the seed of this run. */
  random(below: number): number;
  /** Another opening of the same data. Needs `peer`. */
  peer(): Promise<Store>;
  /** Closes the store and opens its data again. Needs `reopen`. */
  reopen(): Promise<Store>;
  /** Lets time pass on the store's clock: by its own means if it has some, otherwise by waiting. */
  elapse(ms: number): Promise<void>;
  /** Resolves once `probe` answers true; fails after the deadline. */
  eventually(what: string, probe: () => boolean | Promise<boolean>): Promise<void>;
}

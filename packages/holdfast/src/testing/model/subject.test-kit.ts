import { inspect } from "node:util";

import type { Store } from "../../store/contract.ts";
import type { Operation, Plain } from "./operation.test-kit.ts";

/** A store that runs on the clock it was given. */
export type ModelSubject = {
  readonly store: Store;
  /** Opens the same data again after a close. */
  readonly reopen?: () => Promise<Store>;
  /** Called after everything was closed. */
  readonly dispose?: () => Promise<void>;
};

export type ModelSettings = {
  readonly clock: () => number;
  /** To be awaited before an operation takes effect, by stores that can. */
  readonly turn: () => Promise<void>;
};

export type OpenForModel = (settings: ModelSettings) => Promise<ModelSubject>;

/** When model tests begin. */
export const startAt = 1_700_000_000_000;

export function disagreement(where: string, operation: Operation, seen: Plain, expected: Plain): Error {
  return new Error(
    `${where}: the store and its model disagree\n  on ${show(operation)}\n  model: ${show(expected)}\n  store: ${show(seen)}`,
  );
}

export function show(value: unknown): string {
  return inspect(value, { depth: 8, breakLength: 160, compact: true });
}

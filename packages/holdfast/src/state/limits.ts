import { HoldfastError } from "../record/errors.ts";
import { refuseUnknownNames } from "../record/option-names.ts";

/** What one principal may have, and what a session keeps. Exact, also under parallel creation. */
export type HoldLimits = {
  /** Live sessions of a principal. */
  readonly maxSessions: number;
  /** Live records of a principal, sessions included. */
  readonly maxRecords: number;
  /** Bytes of documents and events of a principal. */
  readonly maxBytes: number;
  /** Bytes of a session's document: data, preferences and metadata together. */
  readonly maxSessionBytes: number;
  /** Bytes of one action of a session. */
  readonly maxActionBytes: number;
  /** Newest actions a session keeps; totals go on counting. */
  readonly maxActionsKept: number;
  /** Newest messages a channel keeps; positions go on counting. */
  readonly maxMessagesKept: number;
  /** Newest turns a session keeps. */
  readonly maxTurnsKept: number;
};

/** What the limits of a hold are where none is given. */
export const holdDefaults: HoldLimits = {
  maxSessions: 1_000,
  maxRecords: 10_000,
  maxBytes: 67_108_864,
  maxSessionBytes: 1_048_576,
  maxActionBytes: 262_144,
  maxActionsKept: 10_000,
  maxMessagesKept: 10_000,
  maxTurnsKept: 100,
};

/** Throws `INVALID_ARGUMENT` for unknown names (with the nearest) and values that are no whole number from 1. */
export function resolveLimits(given: Partial<HoldLimits> = {}): HoldLimits {
  refuseUnknownNames("limits", given, Object.keys(holdDefaults));
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw new HoldfastError("INVALID_ARGUMENT", `limits.${name} is a whole number from 1, not ${String(value)}`);
    }
  }
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...holdDefaults, ...present };
}

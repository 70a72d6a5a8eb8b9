import { refuseUnknownNames } from "../../record/option-names.ts";
import { invalid } from "../refusals.ts";
import type { DisposableLimits } from "./types.ts";

const disposableDefaults: DisposableLimits = {
  maxPerSession: 16,
  maxPerNode: 1_000,
  makeMs: 60_000,
  closeMs: 10_000,
};

/** A timer of Node counts to 2^31 - 1 milliseconds. */
const most = 2 ** 31 - 1;

/** Throws `INVALID_ARGUMENT` for unknown names (with the nearest) and values that are no whole number from 1. */
export function resolveDisposableLimits(given: Partial<DisposableLimits> = {}): DisposableLimits {
  refuseUnknownNames("disposables", given, Object.keys(disposableDefaults));
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1 && value <= most)) {
      throw invalid(`disposables.${name} is a whole number from 1 to ${most}, not ${String(value)}`);
    }
  }
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...disposableDefaults, ...present };
}

import { invalid } from "./validate.ts";

/** Latest point in time there is, in milliseconds since the epoch: that of `Date`. */
const maxTime = 8_640_000_000_000_000;

/** Throws `INVALID_ARGUMENT` unless a time of a dump is one. */
export function validateTime(what: string, at: number): void {
  if (Number.isSafeInteger(at) && Math.abs(at) <= maxTime) return;
  throw invalid(`the dump's ${what} is a time in milliseconds since the epoch, not ${at}`);
}

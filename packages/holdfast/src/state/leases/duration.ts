import { invalid } from "../refusals.ts";
import { maxWaitMs } from "./desk.ts";

const maxTtlMs = 86_400_000;

/** Throws `INVALID_ARGUMENT` unless a lock may be held that long. */
export function checkTtl(ttlMs: number): void {
  if (Number.isSafeInteger(ttlMs) && ttlMs >= 1 && ttlMs <= maxTtlMs) return;
  throw invalid(`ttlMs is a whole number of milliseconds from 1 to ${maxTtlMs} (a day), not ${String(ttlMs)}`);
}

/** Throws `INVALID_ARGUMENT` unless somebody may wait that long. */
export function checkWait(waitMs: number): void {
  if (Number.isSafeInteger(waitMs) && waitMs >= 0 && waitMs <= maxWaitMs) return;
  throw invalid(`waitMs is a whole number of milliseconds from 0 to ${maxWaitMs} (ten minutes), not ${String(waitMs)}`);
}

import { HoldfastError } from "../record/errors.ts";
import { maxLifetimeMs } from "../record/record.ts";
import type { Duration } from "./types.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Whole milliseconds of a duration, from one to a hundred years. Throws `INVALID_ARGUMENT` naming `what`. */
export function durationMs(duration: Duration, what: string): number {
  const ms = Math.round(typeof duration === "number" ? duration : parsed(duration));
  if (Number.isSafeInteger(ms) && ms >= 1 && ms <= maxLifetimeMs) return ms;
  throw new HoldfastError(
    "INVALID_ARGUMENT",
    `${what} is ${JSON.stringify(duration)}; give milliseconds, or a number with ms, s, m, h or d, such as "24h"; a hundred years at most`,
  );
}

function parsed(text: unknown): number {
  const match = typeof text === "string" ? /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(text) : null;
  return match === null ? Number.NaN : Number(match[1]) * (unitMs[match[2] ?? ""] ?? Number.NaN);
}

/** A duration in words, in the largest unit that fits evenly: `24 hours`, `90 seconds`. */
export function durationInWords(ms: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, "day"],
    [3_600_000, "hour"],
    [60_000, "minute"],
    [1_000, "second"],
  ];
  // A day reads as 24 hours: models and people count from now, not by the calendar.
  const fitting = units.find(([size]) => ms % size === 0 && (size < 86_400_000 || ms > size)) ?? [1, "millisecond"];
  const count = ms / fitting[0];
  return `${count} ${fitting[1]}${count === 1 ? "" : "s"}`;
}

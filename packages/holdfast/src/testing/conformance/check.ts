import { inspect, isDeepStrictEqual } from "node:util";

import type { ErrorCode } from "../../record/errors.ts";
import { isHoldfastError } from "../../record/errors.ts";

/** What a requirement's test throws: what was looked at, what was expected and what was seen. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
}

/** Fails unless both are deeply and strictly equal. */
export function same(what: string, seen: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(seen, expected)) throw failed(what, show(seen), show(expected));
}

/** Fails unless the condition holds. `expected` says it in words. */
export function holds(what: string, condition: boolean, seen: unknown, expected: string): void {
  if (!condition) throw failed(what, show(seen), expected);
}

/** Fails unless the call rejects, or throws, with a `HoldfastError` of this code. */
export async function rejects(what: string, code: ErrorCode, call: () => unknown): Promise<void> {
  let answer: unknown;
  try {
    answer = await call();
  } catch (error) {
    if (isHoldfastError(error, code)) return;
    throw failed(what, isHoldfastError(error) ? `${error.code}: ${error.message}` : show(error), `an error ${code}`);
  }
  throw failed(what, `no error but ${show(answer)}`, `an error ${code}`);
}

/** Fails if the value is absent, and narrows it otherwise. */
export function present<T>(what: string, value: T | undefined): T {
  if (value === undefined) throw failed(what, "nothing", "something");
  return value;
}

function failed(what: string, seen: string, expected: string): CheckFailed {
  return new CheckFailed(`${what}\n  expected: ${expected}\n  seen:     ${seen}`);
}

function show(value: unknown): string {
  const text = inspect(value, { depth: 6, breakLength: 100, maxArrayLength: 30, maxStringLength: 200 });
  return text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text;
}

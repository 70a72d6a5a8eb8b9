import { HoldfastError } from "../../record/errors.ts";

const pattern = /^[0-9a-z]{1,11}$/;

export function cursorOf(sequence: number | undefined): { readonly next?: string } {
  return sequence === undefined ? {} : { next: sequence.toString(36) };
}

/** Throws `INVALID_ARGUMENT` for text that was never a cursor. */
export function sequenceOf(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const sequence = pattern.test(cursor) ? Number.parseInt(cursor, 36) : Number.NaN;
  if (!Number.isSafeInteger(sequence)) throw new HoldfastError("INVALID_ARGUMENT", "`after` is no cursor of this store");
  return sequence;
}

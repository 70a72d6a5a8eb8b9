import { HoldfastError } from "../../record/errors.ts";

const pattern = /^[0-9a-z]{1,11}$/;

/** A place in creation order as opaque text. */
export function cursorOf(row: number): string {
  return row.toString(36);
}

/** Throws `INVALID_ARGUMENT` for text that was never a cursor. */
export function rowOf(cursor: string): number {
  const row = pattern.test(cursor) ? Number.parseInt(cursor, 36) : Number.NaN;
  if (!Number.isSafeInteger(row)) throw new HoldfastError("INVALID_ARGUMENT", "`after` is no cursor of this store");
  return row;
}

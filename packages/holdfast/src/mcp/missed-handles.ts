/** What counts as a guess: something that looks like a handle, given where a record was not found. */
import { isHoldfastError } from "../record/errors.ts";
import { notFoundText } from "../state/refusals.ts";
import { isObject } from "./is-object.ts";

const handle = /^[a-z][a-z0-9]{0,31}_[\w-]{16,128}$/;
const maxHandles = 8;

/** Tools and resources may miss other things than records, such as keys: those are nobody's handles. */
export function isMiss(thrown: unknown): boolean {
  return isHoldfastError(thrown, "NOT_FOUND") && thrown.message === notFoundText;
}

/** Arguments that look like handles. Which of them was the one that led nowhere only the tool knows. */
export function handlesInArguments(input: unknown): readonly string[] {
  if (!isObject(input)) return [];
  const texts = Object.values(input).filter((value) => typeof value === "string");
  return texts.filter((text) => handle.test(text)).slice(0, maxHandles);
}

/** The first part of a resource's address that looks like a handle. What comes after it is inside of that. */
export function handlesInAddress(target: unknown): readonly string[] {
  if (!(target instanceof URL)) return [];
  const found = target.href.split(/[/?#&=]/).find((part) => handle.test(part));
  return found === undefined ? [] : [found];
}

import { createHash } from "node:crypto";

const handles = /\b([a-z][a-z0-9-]{0,31})_[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]{20,})?/g;

/** A short digest that lets two lines of a log be matched without giving the id away. */
export function hashedId(id: string): string {
  return createHash("sha256").update(id, "utf8").digest("hex").slice(0, 12);
}

/** Replaces whatever looks like a handle (and the secret after it) by its digest. */
export function scrub(text: string): string {
  return text.replace(handles, (match, prefix: string) => `${prefix}#${hashedId(match.split(".")[0] ?? match)}`);
}

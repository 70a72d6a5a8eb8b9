/** Bytes a string takes as UTF-8; a lone surrogate counts as the three bytes of its replacement. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** Whether every surrogate has its partner: only then does UTF-8 give back what it was given. */
export function isWellFormed(text: string): boolean {
  // Every supported Node has this method; the language level the project compiles for does not declare it yet.
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** Whether a text has 1 to `max` characters: code points, as `maxLength` of a JSON Schema counts them. */
export function isOfLength(text: string, max: number): boolean {
  if (text.length <= max) return text.length >= 1;
  // A code point takes one unit or two.
  return text.length <= 2 * max && Array.from(text).length <= max;
}

/** At most `length` UTF-16 units of a text, never half of a surrogate pair. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  const inPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, inPair ? length - 1 : length);
}

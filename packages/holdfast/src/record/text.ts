/** Bytes a string takes as UTF-8; a lone surrogate counts as the three bytes of its replacement. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** Whether every surrogate has its partner: only then does UTF-8 give back what it was given. */
export function isWellFormed(text: string): boolean {
  // Every supported Node has this method; the language level the project compiles for does not declare it yet.
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** ISO 8601, or null where there is no such moment. */
export function isoTime(at: Date | undefined): string | null {
  return at === undefined ? null : at.toISOString();
}

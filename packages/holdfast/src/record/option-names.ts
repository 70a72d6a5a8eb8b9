import { HoldfastError } from "./errors.ts";

/** Throws for the first name that no option has, with the nearest one that exists. Default: `INVALID_ARGUMENT`. */
export function refuseUnknownNames(
  what: string,
  given: object,
  known: readonly string[],
  code: "INVALID_ARGUMENT" | "CONFIGURATION" = "INVALID_ARGUMENT",
): void {
  const stranger = Object.keys(given).find((name) => !known.includes(name));
  if (stranger === undefined) return;
  const near = nearestName(stranger, known);
  throw new HoldfastError(
    code,
    `${what} has no option "${stranger}"${near === undefined ? "" : `; did you mean "${near}"?`} Known: ${known.join(", ")}`,
    { details: { option: stranger, ...(near !== undefined && { nearest: near }) } },
  );
}

/** The known name with the fewest edits between, unless they have next to nothing in common. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(name.length / 2));
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase().slice(0, 64), candidate.toLowerCase());
    if (distance <= bestDistance && (best === undefined || distance < bestDistance)) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

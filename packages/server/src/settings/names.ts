/** One name per setting; what it is called as a flag, in the environment and in a file follows from it. */

/** `authTokens` → `auth-tokens` */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `authTokens` → `HOLDFAST_AUTH_TOKENS` */
export function environmentName(key: string): string {
  return environmentPrefix + flagName(key).replaceAll("-", "_").toUpperCase();
}

/** `authTokens` → `auth_tokens`, the way tool results spell names. */
export function resultName(key: string): string {
  return flagName(key).replaceAll("-", "_");
}

export const environmentPrefix = "HOLDFAST_";

/** The known name closest to an unknown one, if it is close enough to be meant. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const measured = known.map((name) => ({ name, distance: editDistance(given, name) }));
  const best = measured.reduce<(typeof measured)[number] | undefined>(
    (closest, each) => (closest === undefined || each.distance < closest.distance ? each : closest),
    undefined,
  );
  return best !== undefined && best.distance <= Math.max(2, Math.floor(best.name.length / 3)) ? best.name : undefined;
}

/** `; did you mean --port?`, or nothing. */
export function suggestion(given: string, known: readonly string[], prefix = ""): string {
  const name = nearest(given, known);
  return name === undefined ? "" : `; did you mean ${prefix}${name}?`;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
function editDistance(from: string, to: string): number {
  // What is typed can be of any length; names are not.
  const a = from.slice(0, 64);
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? 0;
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    rows.push(current);
    for (let column = 1; column <= to.length; column++) {
      const equal = a[row - 1] === to[column - 1];
      const swapped = a[row - 1] === to[column - 2] && a[row - 2] === to[column - 1];
      const replaced = at(row - 1, column - 1) + (equal ? 0 : 1);
      const simple = Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, replaced);
      current.push(swapped && row > 1 && column > 1 ? Math.min(simple, at(row - 2, column - 2) + 1) : simple);
    }
  }
  return at(a.length, to.length);
}

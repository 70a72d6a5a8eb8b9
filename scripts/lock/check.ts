/** Packages of a lock file that say where they were downloaded. Links into the repository itself are no downloads. */
export function findAddresses(lock: string): readonly string[] {
  const parsed: unknown = JSON.parse(lock);
  if (!isObject(parsed) || !isObject(parsed["packages"])) return ["is no lock file with packages"];
  return Object.entries(parsed["packages"]).flatMap(([name, entry]) => {
    if (!isObject(entry) || entry["link"] === true || entry["resolved"] === undefined) return [];
    return [`${name} records a download address (npm i with this repository's .npmrc leaves it out)`];
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

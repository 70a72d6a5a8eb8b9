/**
 * Holds DEPENDENCIES.md against what the packages declare.
 * @param page its text. Rows are those that begin with a name in backticks.
 * @param manifests `package.json` texts by path.
 */
export function checkDependencies(page: string, manifests: ReadonlyMap<string, string>): readonly string[] {
  const declared = new Map<string, string>();
  for (const [path, text] of manifests) {
    for (const name of dependenciesOf(JSON.parse(text))) declared.set(name, path);
  }
  const rows = new Set([...page.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) => namesIn(cell ?? "")));
  return [
    ...[...declared]
      .filter(([name]) => !rows.has(name))
      .map(
        ([name, path]) => `${name} (in ${path}) has no row in DEPENDENCIES.md: what for, why this one, how to leave it`,
      ),
    ...[...rows]
      .filter((name) => !declared.has(name))
      .map((name) => `${name} has a row in DEPENDENCIES.md and is used nowhere`),
  ];
}

const sections = ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies"] as const;

function dependenciesOf(manifest: unknown): readonly string[] {
  if (!isObject(manifest)) throw new Error("a package.json is no object");
  return sections.flatMap((section) => {
    const entries = manifest[section];
    if (!isObject(entries)) return [];
    // An alias (`"node-22": "npm:node@22"`) is known by what it stands for.
    return Object.entries(entries).map(([name, range]) => /^npm:(@?[^@]+)@/.exec(String(range))?.[1] ?? name);
  });
}

function namesIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

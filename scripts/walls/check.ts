/** Holds the sources against the rules. Pure: files in, violations out. */
import { findCycles } from "./cycles.ts";
import { type Import, type Parsed, parseImports } from "./imports.ts";
import { computedImports, guarded, heavy, lightDoors, type Room, rooms } from "./rules.ts";

export type Violation = { readonly path: string; readonly line: number; readonly message: string };

/** @param sources text by path, from the root of the repository, with forward slashes. */
export function checkWalls(sources: ReadonlyMap<string, string>): readonly Violation[] {
  const files = new Map([...sources].map(([path, source]) => [path, parseImports(path, source)]));
  const violations: Violation[] = [];
  for (const [path, parsed] of files) {
    if (!isTest(path)) violations.push(...checkFile(path, parsed, files));
  }
  for (const door of lightDoors) violations.push(...checkDoor(door, files));
  const graph = new Map([...files].map(([path, { imports }]) => [path, loadedWith(path, imports)]));
  for (const cycle of findCycles(graph)) {
    const path = cycle[0] ?? "";
    violations.push({ path, line: 1, message: `imports itself in a circle: ${[...cycle, path].join(" → ")}` });
  }
  return violations;
}

/** Line by line, as compilers print them. */
export function formatViolation({ path, line, message }: Violation): string {
  return `${path}:${line}: ${message}`;
}

function checkFile(path: string, parsed: Parsed, files: ReadonlyMap<string, Parsed>): readonly Violation[] {
  const room = roomOf(path);
  if (room === undefined) {
    return [{ path, line: 1, message: "is in no room: give it one in scripts/walls/rules.ts, or move it" }];
  }
  const violations: Violation[] = [];
  for (const line of parsed.exportAlls) {
    violations.push({ path, line, message: "`export *` hides what a door gives out: list the names" });
  }
  for (const [name, owner] of guarded) {
    const line = parsed.strings.get(name);
    if (line !== undefined && room.name !== owner) {
      violations.push({ path, line, message: `names "${name}", which belongs to ${owner} alone` });
    }
  }
  for (const found of parsed.imports) {
    const message = complaint(path, room, found, files);
    if (message !== undefined) violations.push({ path, line: found.line, message });
  }
  return violations;
}

function complaint(path: string, room: Room, found: Import, files: ReadonlyMap<string, Parsed>): string | undefined {
  const { specifier, how } = found;
  if (specifier === undefined) {
    return computedImports.has(path) ? undefined : "loads a module by a computed name, which no wall can check";
  }
  const target = resolve(path, specifier);
  if (target === undefined) {
    if (room.packages.some((allowed) => covers(allowed, specifier))) return undefined;
    return `${room.name} may not import "${specifier}"`;
  }
  if (!files.has(target)) return `imports ${target}, which is not there`;
  if (isTest(target)) return `imports ${target}, which is a test`;
  const other = roomOf(target);
  if (other === undefined || other === room) return undefined;
  if (room.uses.includes(other.name)) return undefined;
  const loads = room.loads?.includes(other.name) === true;
  if (loads && how !== "static") return undefined;
  if (loads) return `${room.name} may load ${other.name} only on demand, with import()`;
  return `${room.name} may not use ${other.name}`;
}

/** Walks what a door loads with itself, and says by which way it reaches something heavy. */
function checkDoor(door: string, files: ReadonlyMap<string, Parsed>): readonly Violation[] {
  if (!files.has(door)) return [{ path: door, line: 1, message: "is a door of the library and is not there" }];
  const cameFrom = new Map<string, string | undefined>([[door, undefined]]);
  const violations: Violation[] = [];
  for (const path of cameFrom.keys()) {
    for (const { specifier, how } of files.get(path)?.imports ?? []) {
      if (how !== "static" || specifier === undefined) continue;
      const target = resolve(path, specifier) ?? specifier;
      if (cameFrom.has(target)) continue;
      cameFrom.set(target, path);
      if (heavy.some((name) => covers(name, target))) {
        const message = `reaches ${wayTo(target, cameFrom)}; a light door may load it on demand only`;
        violations.push({ path: door, line: 1, message });
      }
    }
  }
  return violations;
}

function wayTo(target: string, cameFrom: ReadonlyMap<string, string | undefined>): string {
  const way = [target];
  for (let at = cameFrom.get(target); at !== undefined; at = cameFrom.get(at)) way.unshift(at);
  return way.slice(1).join(" → ");
}

function loadedWith(path: string, imports: readonly Import[]): readonly string[] {
  return imports.flatMap(({ specifier, how }) => {
    const target = how === "static" && specifier !== undefined ? resolve(path, specifier) : undefined;
    return target === undefined ? [] : [target];
  });
}

function roomOf(path: string): Room | undefined {
  return rooms
    .filter((room) => covers(room.path, path))
    .toSorted((a, b) => b.path.length - a.path.length)
    .at(0);
}

/** Whether a rule's name (`pg`, `node:`, a folder ending in a slash, a file) means this module or file. */
function covers(rule: string, name: string): boolean {
  if (rule.endsWith("/") || rule.endsWith(":")) return name.startsWith(rule);
  return name === rule || name.startsWith(`${rule}/`);
}

/** The path a relative specifier leads to; undefined for packages. */
function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** Tests, and what only they share, may use any room, and no source may use them. */
function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.endsWith(".test-kit.ts");
}

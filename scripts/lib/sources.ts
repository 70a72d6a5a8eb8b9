import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";

const skipped = new Set(["node_modules", "dist", ".cache", ".git", "coverage"]);

/** Paths of the files below a folder, from `root`, with forward slashes, sorted; what is generated left out. */
export async function listFiles(root: string, folder: string, ending: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const path = join(root, folder, entry.name);
      if (entry.isDirectory()) return skipped.has(entry.name) ? [] : listFiles(root, relative(root, path), ending);
      return entry.isFile() && `/${entry.name}`.endsWith(ending) ? [relative(root, path).split(sep).join("/")] : [];
    }),
  );
  return nested.flat().toSorted();
}

/** Text by path of all TypeScript sources below some folders. */
export async function readSources(root: string, folders: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const lists = await Promise.all(folders.map((folder) => listFiles(root, folder, ".ts")));
  const entries = lists
    .flat()
    .map(async (path): Promise<[string, string]> => [path, await readFile(join(root, path), "utf8")]);
  return new Map(await Promise.all(entries));
}

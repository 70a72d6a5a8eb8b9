import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, from a source file and from what it was compiled to alike. */
export async function findRoot(): Promise<string> {
  const here = dirname(fileURLToPath(import.meta.url));
  for (let folder = here; folder !== dirname(folder); folder = dirname(folder)) {
    const found = await access(join(folder, "test", "tools", "conformance", "package.json")).then(
      () => true,
      () => false,
    );
    if (found) return folder;
  }
  throw new Error(`${here} lies in no clone of this repository`);
}

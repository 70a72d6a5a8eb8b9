/** `npm run check` uses it: DEPENDENCIES.md has a row for each dependency, and only for those. */
import { readFile } from "node:fs/promises";

import { checkDependencies } from "./dependencies/check.ts";
import { listFiles } from "./lib/sources.ts";

const root = process.cwd();
const folders = ["packages", "test", "bench", "examples"];
const nested = await Promise.all(folders.map((folder) => listFiles(root, folder, "/package.json")));
const paths = ["package.json", ...nested.flat()];
const manifests = await Promise.all(
  paths.map(async (path): Promise<[string, string]> => [path, await readFile(path, "utf8")]),
);
const complaints = checkDependencies(await readFile("DEPENDENCIES.md", "utf8"), new Map(manifests));
for (const complaint of complaints) console.error(complaint);
console.log(`${paths.length} packages, ${complaints.length} dependencies without a row or rows without a dependency`);
process.exitCode = complaints.length === 0 ? 0 : 1;

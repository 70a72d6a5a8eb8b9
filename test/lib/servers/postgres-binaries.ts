/** PostgreSQL's programs: from PATH, from where Debian puts them, or installed. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { foldersOfPath, installedPrograms } from "./installed.ts";

const debianFolder = "/usr/lib/postgresql";

/** The folder with `initdb` and `postgres`. Where there is none: installs it (root on Debian), or throws saying how. */
export function postgresBinaries(): string {
  return installedPrograms({
    what: "PostgreSQL",
    debianPackages: ["postgresql"],
    variable: "HOLDFAST_TEST_POSTGRES_URL",
    find,
  });
}

function find(): string | undefined {
  const folders = [...foldersOfPath()];
  if (existsSync(debianFolder)) {
    const versions = readdirSync(debianFolder).sort((one, other) => Number(other) - Number(one));
    folders.push(...versions.map((version) => join(debianFolder, version, "bin")));
  }
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

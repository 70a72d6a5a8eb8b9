/** Redis's programs: from PATH, or installed. */
import { existsSync } from "node:fs";
import { join } from "node:path";

import { foldersOfPath, installedPrograms } from "./installed.ts";

/** The folder with `redis-server` and `redis-cli`. Where there is none: installs it (root on Debian), or throws saying how. */
export function redisBinaries(): string {
  return installedPrograms({
    what: "Redis",
    debianPackages: ["redis-server", "redis-tools"],
    variable: "HOLDFAST_TEST_REDIS_URL",
    find: () =>
      foldersOfPath().find((folder) => ["redis-server", "redis-cli"].every((name) => existsSync(join(folder, name)))),
  });
}

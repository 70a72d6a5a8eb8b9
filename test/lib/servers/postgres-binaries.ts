/** PostgreSQL's programs: from PATH, from where Debian puts them, or installed. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";

const debianFolder = "/usr/lib/postgresql";
const install = "apt-get update && apt-get install -y --no-install-recommends postgresql";

/** The folder with `initdb` and `postgres`. Where there is none: installs it (root on Debian), or throws saying how. */
export function postgresBinaries(): string {
  const found = find();
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error(
      `tests of the PostgreSQL store need its server programs: install them (Debian: ${install}), or name a server ` +
        "with HOLDFAST_TEST_POSTGRES_URL",
    );
  }
  console.error(`PostgreSQL is missing; running: ${install}`);
  const options = { stdio: "inherit", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
  const installed = spawnSync("sh", ["-c", install], options);
  const now = find();
  if (installed.status === 0 && now !== undefined) return now;
  throw new Error(`PostgreSQL could not be installed; run this yourself: ${install}`);
}

function find(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  if (existsSync(debianFolder)) {
    const versions = readdirSync(debianFolder).sort((one, other) => Number(other) - Number(one));
    folders.push(...versions.map((version) => join(debianFolder, version, "bin")));
  }
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

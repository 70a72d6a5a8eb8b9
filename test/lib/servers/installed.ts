/** Server programs that tests need: found where they usually are, or installed. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter } from "node:path";

export type Programs = {
  /** As in sentences. */
  readonly what: string;
  readonly debianPackages: readonly string[];
  /** The variable that names a server to use instead. */
  readonly variable: string;
  /** Where they are; undefined if they are nowhere. */
  readonly find: () => string | undefined;
};

/** Where the programs are. Where they are nowhere: installs them (root on Debian), or throws saying how. */
export function installedPrograms({ what, debianPackages, variable, find }: Programs): string {
  const found = find();
  if (found !== undefined) return found;
  const install = `apt-get update && apt-get install -y --no-install-recommends ${debianPackages.join(" ")}`;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    throw new Error(
      `tests of the ${what} store need its server programs: install them (Debian: ${install}), or name a server ` +
        `with ${variable}`,
    );
  }
  console.error(`${what} is missing; running: ${install}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const installed = spawnSync("sh", ["-c", install], { stdio: "inherit", env });
  const now = find();
  if (installed.status === 0 && now !== undefined) return now;
  throw new Error(`${what} could not be installed; run this yourself: ${install}`);
}

export function foldersOfPath(): readonly string[] {
  return (process.env["PATH"] ?? "").split(delimiter);
}

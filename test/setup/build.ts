import { spawnSync } from "node:child_process";

/** Tests that start processes run what was built, so it is built first. Cheap when nothing changed. */
export function setup(): void {
  const build = spawnSync("npx", ["--no-install", "tsc", "-b"], {
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (build.status === 0) return;
  // Type errors do not stop the output from being written: say them, and let the tests speak about behaviour.
  console.error(`the build reports errors:\n${build.stdout}${build.stderr}`);
}

/** Prometheus's tool for checking rules: from PATH, or out of Debian's package, which is unpacked and not installed. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { foldersOfPath } from "./installed.ts";

const folder = fileURLToPath(new URL("../../../.cache/tools/prometheus/", import.meta.url));

export function promtool(): string {
  const unpacked = join(folder, "usr/bin/promtool");
  const found = [...foldersOfPath().map((path) => join(path, "promtool")), unpacked].find((path) => existsSync(path));
  if (found !== undefined) return found;
  mkdirSync(folder, { recursive: true });
  // Installing it would start a server on this machine.
  for (const command of ["apt-get download prometheus", "apt-get update && apt-get download prometheus"]) {
    if (spawnSync("sh", ["-c", command], { cwd: folder, stdio: "ignore" }).status === 0) break;
  }
  spawnSync("sh", ["-c", "dpkg-deb -x prometheus_*.deb ."], { cwd: folder, stdio: "ignore" });
  if (existsSync(unpacked)) return unpacked;
  throw new Error("tests of the alerts need promtool: put it on PATH (Debian: apt-get install prometheus)");
}

import { availableParallelism, totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

import { bad, type Finding, good, warning } from "./check.ts";

/** Oldest Node this package is for: that of its `engines`. */
const oldestNode = [20, 19] as const;
const smallHeapBytes = 256 * 1024 ** 2;

export function checkRuntime(version: string = process.versions.node): readonly Finding[] {
  return [checkNode(version), checkMemory(), checkWarnings()];
}

function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = oldestNode;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return good("runtime", `Node ${version}`);
  return bad("runtime", `Node ${version}`, `install Node ${oldestMajor}.${oldestMinor} or newer`);
}

function checkMemory(): Finding {
  const { heap_size_limit: heap } = getHeapStatistics();
  const seen = `heap up to ${mib(heap)}, ${mib(totalmem())} in this machine, ${availableParallelism()} processors`;
  if (heap >= smallHeapBytes) return good("memory", seen);
  return warning("memory", seen, "give the process more: NODE_OPTIONS=--max-old-space-size=512");
}

function checkWarnings(): Finding {
  const options = process.env["NODE_OPTIONS"] ?? "";
  if (!options.includes("--inspect")) return good("node options", options === "" ? "none" : options);
  return warning("node options", options, "take --inspect out: whoever reaches the debugger reaches all state");
}

function mib(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2).toLocaleString("en-US")} MiB`;
}

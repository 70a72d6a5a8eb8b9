/** What `watch-stalls.ts` saw inside a server. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { findRoot } from "../tools/root.ts";

export interface Stalls {
  /** For the server's process. */
  readonly env: Readonly<Record<string, string>>;
  /** The longest, in milliseconds of its own work, since it was asked the last time. */
  longestMs(): Promise<number>;
}

/** @param dir where it may write. */
export async function watchStalls(dir: string): Promise<Stalls> {
  const file = join(dir, "stalls.jsonl");
  await writeFile(file, "");
  const script = join(await findRoot(), ".cache", "build", "test", "fuzz", "watch-stalls.js");
  let seen = 0;
  return {
    env: { WATCH_STALLS: file, NODE_OPTIONS: `--import=${pathToFileURL(script).href}` },
    longestMs: async () => {
      const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
      const fresh = lines.slice(seen);
      seen = lines.length;
      // Written by the script that was loaded.
      return Math.max(0, ...fresh.map((line) => (JSON.parse(line) as { readonly busyMs: number }).busyMs));
    },
  };
}

/** The packages as `npm pack` makes them, and npm for those who install them. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { findRoot } from "../tools/root.ts";

export type Packed = {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
};

export async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("npm", [...args], { cwd, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Packs the library and the server, as they are built, into a folder. */
export async function packInto(dir: string): Promise<readonly Packed[]> {
  const of = ["-w", "packages/holdfast", "-w", "packages/server"];
  // What npm answers: a list of what it packed.
  return JSON.parse(
    await npm(await findRoot(), "pack", "--json", "--ignore-scripts", "--pack-destination", dir, ...of),
  ) as Packed[];
}

/** Where in that folder a package is. */
export function tarballOf(dir: string, { filename }: Packed): string {
  return join(dir, filename.replace("@", "").replace("/", "-"));
}

/**
 * The file and its folder. Nothing here may open the database file once SQLite has it: closing any descriptor of a
 * file drops all locks this process holds on it.
 */
import { chmodSync, closeSync, mkdirSync, openSync, realpathSync, statfsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { HoldfastError } from "../../record/errors.ts";

/** Creates what is missing, for this user only, and returns the file's real path. Throws `CONFIGURATION`. */
export function prepareFile(path: string): string {
  const full = resolve(path);
  if (statSync(full, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new HoldfastError(
      "CONFIGURATION",
      `${full} is a folder; name a file in it, such as ${join(full, "state.db")}`,
    );
  }
  try {
    mkdirSync(dirname(full), { recursive: true, mode: 0o700 });
    createPrivately(full);
    // One name for one file, whatever links led to it: the side files lie beside the real one.
    return realpathSync(full);
  } catch (cause) {
    throw new HoldfastError("CONFIGURATION", `the database file ${full} cannot be created: ${String(cause)}`, {
      cause,
    });
  }
}

function createPrivately(path: string): void {
  try {
    // Exclusive, hence never a second descriptor on a file that is in use.
    closeSync(openSync(path, "wx", 0o600));
    chmodSync(path, 0o600);
  } catch (error) {
    const exists = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (!exists) throw error;
  }
}

const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9P"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x5346414f, "AFS"],
  [0x65735546, "FUSE"],
]);

/** The name of the network file system a path lies on, where the platform tells; FUSE counts, since it often is one. */
export function networkFileSystem(path: string): string | undefined {
  try {
    return networkFileSystems.get(statfsSync(dirname(path)).type >>> 0);
  } catch {
    return undefined;
  }
}

/** Identifies the file behind a path, to notice when somebody put another one in its place. */
export function fileIdentity(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

export function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * The file and its folder. Nothing here may open the database file once SQLite has it: closing any descriptor of a
 * file drops all locks this process holds on it.
 */
import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  statfsSync,
  statSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
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
    const real = realpathSync(full);
    refuseLinks(real);
    return real;
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    throw new HoldfastError("CONFIGURATION", `the database file ${full} cannot be created: ${String(cause)}`, {
      cause,
    });
  }
}

/** SQLite would write into whatever such a link leads to, which need be nothing of ours. */
function refuseLinks(path: string): void {
  for (const side of [`${path}-wal`, `${path}-shm`, `${path}-journal`]) {
    if (lstatSync(side, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
    throw new HoldfastError(
      "CONFIGURATION",
      `${side} is a symbolic link, which SQLite never makes: see who put it there, and remove it`,
    );
  }
}

/**
 * Opens a small file beside the database, which is made where it is missing; undefined for anything that we did not make: a
 * link, a pipe that would hold a thread for ever, a second name of another file. Whoever may write to the folder can plant those.
 */
export async function openSmall(
  path: string,
  how: "read" | "write",
  maxBytes: number,
): Promise<FileHandle | undefined> {
  const { O_RDONLY, O_WRONLY, O_CREAT } = constants;
  // Windows has neither of them.
  const careful = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, (how === "read" ? O_RDONLY : O_WRONLY | O_CREAT) | careful, 0o600);
  const found = await file.stat();
  if (found.isFile() && found.nlink === 1 && found.size <= maxBytes) return file;
  await file.close();
  return undefined;
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

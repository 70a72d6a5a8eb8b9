/** A file system of its own with little room, which a test may fill without taking anything from anybody. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  freeBytes(): Promise<number>;
  /** Takes all the room but about this much. */
  fill(leaveBytes: number): Promise<void>;
  /** Gives back what `fill` took. */
  makeRoom(): Promise<void>;
}

/** Filled by zeros in pieces of this size. */
const pieceBytes = 64 * 1024;

/**
 * Mounts memory of a given size. Only root may mount (on Linux): whoever is somebody else is told so, and what to do.
 * It is unmounted when disposed of, and at the latest when this process ends.
 */
export async function smallDisk(sizeBytes: number): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), "holdfast-small-disk-"));
  const options = `size=${sizeBytes},mode=0777`;
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", options, "holdfast-test", path], { encoding: "utf8" });
  if (mounted.status !== 0) {
    await rm(path, { recursive: true, force: true });
    throw new Error(
      "a full disk is tried on a small file system in memory, which only root may mount on Linux; run this test as root. " +
        `mount said: ${mounted.error?.message ?? mounted.stderr.trim()}`,
    );
  }
  const unmount = (): void => {
    // Lazily: a server that was killed a moment ago may still be letting go of its files.
    spawnSync("umount", ["-l", path], { stdio: "ignore" });
    rmSync(path, { recursive: true, force: true });
  };
  process.once("exit", unmount);
  const ballast = join(path, "ballast");
  const freeBytes = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  };
  return {
    path,
    freeBytes,
    fill: async (leaveBytes) => {
      const pieces = Math.floor(((await freeBytes()) - leaveBytes) / pieceBytes);
      if (pieces <= 0) return;
      // Whoever else writes meanwhile may be ahead of the last piece.
      await writeFile(ballast, Buffer.alloc(pieces * pieceBytes)).catch((error: unknown) => {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      });
    },
    makeRoom: () => rm(ballast, { force: true }),
    [Symbol.asyncDispose]: async () => {
      process.off("exit", unmount);
      unmount();
    },
  };
}

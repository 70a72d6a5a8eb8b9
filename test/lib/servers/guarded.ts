/** What every private server of the tests has: a guardian that outlives nobody, a free port, a folder in memory. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const stopMs = 10_000;
/** Beside the source of this, also where this runs as it was compiled. */
const guardianPath = fileURLToPath(new URL("./guardian.mjs", import.meta.url.replace("/.cache/build/test/", "/test/")));

export type Launch = {
  readonly command: string;
  readonly args: readonly string[];
  /** Removed with everything in it when the server has ended. */
  readonly folder: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Start it again whenever it ends by itself, as a service manager does. */
  readonly restarts?: boolean;
  /** Ends the server at once; nothing in its folder is needed any more. */
  readonly endSignal: NodeJS.Signals;
};

export interface Guarded {
  /** Whether the server, and its guardian with it, have ended. */
  ended(): boolean;
  /** Kills it with all its processes by -9 and starts it anew on the same data. */
  crash(): void;
  stop(): Promise<void>;
}

/** Starts a server that ends with `stop`, or with this process, however that ends. */
export function guarded(launch: Launch): Guarded {
  const guardian = spawn(
    process.execPath,
    [guardianPath, JSON.stringify(launch)],
    // A group of its own: an interrupted run must not interrupt the one who cleans up.
    { stdio: ["pipe", "ignore", "inherit"], detached: true },
  );
  return {
    ended: () => guardian.exitCode !== null || guardian.signalCode !== null,
    crash: () => void guardian.stdin?.write("crash\n"),
    stop: () => endOf(guardian, launch.command),
  };
}

/** What a server of the tests may come to write. Containers often have far less than this in memory. */
const roomBytes = 1024 * 1024 * 1024;

/**
 * A new folder, in memory where there is room: every commit is flushed, and the tests wait for none of it. A disk that
 * others keep busy can hold a server's writes back for seconds. What a kill may take is the same: it leaves what was
 * handed to the system, in memory as on a disk. Loss of power is tried by neither.
 */
export function serverFolder(name: string, under: string = hasRoom("/dev/shm") ? "/dev/shm" : tmpdir()): string {
  return mkdtempSync(join(under, `holdfast-${name}-`));
}

function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= roomBytes;
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}

async function endOf(guardian: ChildProcess, command: string): Promise<void> {
  if (guardian.exitCode !== null || guardian.signalCode !== null) return;
  const exited = once(guardian, "exit");
  guardian.stdin?.end();
  const ended = await Promise.race([exited.then(() => true), delay(stopMs, false, { ref: false })]);
  if (!ended) throw new Error(`${command} did not stop in ${stopMs} ms`);
}

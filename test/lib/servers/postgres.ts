/** A private PostgreSQL server in a temporary folder, on a free port of loopback. */
import { execFileSync } from "node:child_process";
import { chownSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { freePort, type Guarded, guarded, serverFolder } from "./guarded.ts";
import { postgresBinaries } from "./postgres-binaries.ts";

const startMs = 30_000;

export interface PostgresServer {
  /** Leads to the database `postgres`, as its owner. */
  readonly url: string;
  /** Kills it with all its processes by -9 and starts it anew on the same data. Resolves once it serves again. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export type PostgresPlace = {
  /** Where its folder is made. Default: in memory, where there is room. */
  readonly under?: string;
  /** Where its write-ahead log lies, in files of 1 MiB. Default: with the data, in files of 16 MiB. */
  readonly walUnder?: string;
  /** Start it again whenever it ends by itself, as a service manager does. */
  readonly restarts?: boolean;
};

/**
 * Starts a server that ends with `stop`, or with this process, however that ends.
 * @param settings such as `fsync=off`.
 */
export async function startPostgres(
  settings: readonly string[] = [],
  place: PostgresPlace = {},
): Promise<PostgresServer> {
  const binaries = postgresBinaries();
  const user = serverUser();
  const folder = serverFolder("postgres", place.under);
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const cluster = ["-D", data, "-U", "holdfast", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  if (place.walUnder !== undefined) cluster.push(`--waldir=${join(place.walUnder, "wal")}`, "--wal-segsize=1");
  execFileSync(join(binaries, "initdb"), cluster, { ...user, cwd: folder, stdio: ["ignore", "ignore", "inherit"] });

  const port = await freePort();
  const args = ["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-k", folder];
  args.push("-c", "log_min_messages=panic", "-c", "max_connections=200");
  for (const setting of settings) args.push("-c", setting);
  const server = guarded({
    command: join(binaries, "postgres"),
    args,
    folder,
    ...user,
    ...(place.restarts === true && { restarts: true }),
    // Its immediate shutdown.
    endSignal: "SIGQUIT",
  });
  const lockFile = join(data, "postmaster.pid");
  let pid: string | undefined;
  const ready = async (): Promise<void> => {
    pid = await untilReady(lockFile, server, pid);
  };
  const crash = (): Promise<void> => {
    server.crash();
    return ready();
  };
  await ready().catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return { url: `postgres://holdfast@127.0.0.1:${port}/postgres`, crash, stop: server.stop };
}

/** PostgreSQL refuses to run as root: then it runs as the user its package made, or as nobody. */
export function serverUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  for (const name of ["postgres", "nobody"]) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync("id", [flag, name], { stdio: ["ignore", "pipe", "ignore"] }));
      return { uid: id("-u"), gid: id("-g") };
    } catch {
      // There is no such user.
    }
  }
  throw new Error("PostgreSQL will not run as root, and there is neither a user postgres nor nobody");
}

/** Waits for a server other than the one before. The eighth line of its lock file says how far it has come. */
async function untilReady(lockFile: string, server: Guarded, before: string | undefined): Promise<string> {
  const until = performance.now() + startMs;
  while (performance.now() < until && !server.ended()) {
    const lines = (await readFile(lockFile, "utf8").catch(() => "")).split("\n");
    const [pid = ""] = lines;
    if (pid !== before && lines[7]?.trim() === "ready") return pid;
    await delay(20);
  }
  throw new Error("PostgreSQL did not start");
}

/** A private PostgreSQL server in a temporary folder, on a free port of loopback. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { postgresBinaries } from "./postgres-binaries.ts";

const startMs = 30_000;
const stopMs = 10_000;
const guardianPath = fileURLToPath(new URL("./guardian.mjs", import.meta.url));

export interface PostgresServer {
  /** Leads to the database `postgres`, as its owner. */
  readonly url: string;
  /** Kills it with all its processes by -9 and starts it anew on the same data. Resolves once it serves again. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a server that ends with `stop`, or with this process, however that ends.
 * @param settings such as `fsync=off`.
 */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const binaries = postgresBinaries();
  const user = serverUser();
  const folder = mkdtempSync(join(temporaryRoot(), "holdfast-postgres-"));
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const cluster = ["-D", data, "-U", "holdfast", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  execFileSync(join(binaries, "initdb"), cluster, { ...user, cwd: folder, stdio: ["ignore", "ignore", "inherit"] });

  const port = await freePort();
  const args = ["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-k", folder];
  args.push("-c", "log_min_messages=panic", "-c", "max_connections=200");
  for (const setting of settings) args.push("-c", setting);
  const guardian = spawn(
    process.execPath,
    [guardianPath, JSON.stringify({ command: join(binaries, "postgres"), args, folder, ...user })],
    // A group of its own: an interrupted run must not interrupt the one who cleans up.
    { stdio: ["pipe", "ignore", "inherit"], detached: true },
  );
  const stop = (): Promise<void> => endOf(guardian);
  const lockFile = join(data, "postmaster.pid");
  let pid: string | undefined;
  const ready = async (): Promise<void> => {
    pid = await untilReady(lockFile, guardian, pid);
  };
  const crash = (): Promise<void> => {
    guardian.stdin?.write("crash\n");
    return ready();
  };
  await ready().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url: `postgres://holdfast@127.0.0.1:${port}/postgres`, crash, stop };
}

/** PostgreSQL refuses to run as root: then it runs as the user its package made, or as nobody. */
function serverUser(): { readonly uid?: number; readonly gid?: number } {
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

/** In memory where that is possible: every commit is flushed, and the tests wait for none of it. */
function temporaryRoot(): string {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}

/** Waits for a server other than the one before. The eighth line of its lock file says how far it has come. */
async function untilReady(lockFile: string, guardian: ChildProcess, before: string | undefined): Promise<string> {
  const until = performance.now() + startMs;
  while (performance.now() < until && guardian.exitCode === null) {
    const lines = (await readFile(lockFile, "utf8").catch(() => "")).split("\n");
    const [pid = ""] = lines;
    if (pid !== before && lines[7]?.trim() === "ready") return pid;
    await delay(20);
  }
  throw new Error("PostgreSQL did not start");
}

async function endOf(guardian: ChildProcess): Promise<void> {
  if (guardian.exitCode !== null || guardian.signalCode !== null) return;
  const exited = once(guardian, "exit");
  guardian.stdin?.end();
  const ended = await Promise.race([exited.then(() => true), delay(stopMs, false, { ref: false })]);
  if (!ended) throw new Error(`the PostgreSQL server did not stop in ${stopMs} ms`);
}

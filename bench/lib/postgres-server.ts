/** A private PostgreSQL for measurements, its data on disk, settings as they come but for the port. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { freePort } from "./free-port.ts";

export type BenchServer = {
  readonly url: string;
  /** Of our own server. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
};

/** `HOLDFAST_BENCH_POSTGRES_URL`, or a server of our own; undefined where PostgreSQL is not installed. */
export async function benchPostgres(): Promise<BenchServer | undefined> {
  const given = process.env["HOLDFAST_BENCH_POSTGRES_URL"];
  if (given !== undefined && given !== "") return { url: given, pid: undefined, stop: () => Promise.resolve() };
  const binaries = find();
  if (binaries === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : undefined;
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const options = { ...user, cwd: folder, stdio: "ignore" as const };
  execFileSync(
    join(binaries, "initdb"),
    ["-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C"],
    options,
  );
  const port = await freePort();
  const args = ["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-k", folder];
  const server = spawn(join(binaries, "postgres"), args, options);
  const stop = async (): Promise<void> => {
    if (server.exitCode === null) {
      const gone = once(server, "exit");
      server.kill("SIGINT");
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const until = performance.now() + 30_000;
  // The eighth line of its lock file says how far it has come.
  while (!isReady(join(data, "postmaster.pid"))) {
    if (performance.now() > until || server.exitCode !== null) {
      await stop();
      throw new Error("PostgreSQL did not start");
    }
    await delay(20);
  }
  return { url: `postgres://bench@127.0.0.1:${port}/postgres`, pid: server.pid, stop };
}

function isReady(lockFile: string): boolean {
  return existsSync(lockFile) && readFileSync(lockFile, "utf8").split("\n")[7]?.trim() === "ready";
}

function find(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const debian = "/usr/lib/postgresql";
  if (existsSync(debian)) folders.push(...readdirSync(debian).map((version) => join(debian, version, "bin")));
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

function idOf(flag: "-u" | "-g"): number {
  return Number(execFileSync("id", [flag, "postgres"]));
}

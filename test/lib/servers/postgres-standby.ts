/** A streaming replica of a private PostgreSQL server, on a free port of loopback. */
import { execFileSync } from "node:child_process";
import { chownSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

import { freePort, guarded, serverFolder } from "./guarded.ts";
import { serverUser } from "./postgres.ts";
import { postgresBinaries } from "./postgres-binaries.ts";

export interface PostgresStandby {
  /** Leads to the database `postgres`; may refuse connections for its first moments. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Copies the server and follows it from then on; ends with `stop`, or with this process, however that ends. */
export async function startStandby(primaryUrl: string): Promise<PostgresStandby> {
  // Where links lead: not every program needs to be linked.
  const binaries = dirname(realpathSync(join(postgresBinaries(), "postgres")));
  const user = serverUser();
  const folder = serverFolder("standby");
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const copy = ["-d", primaryUrl, "-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync"];
  execFileSync(join(binaries, "pg_basebackup"), copy, { ...user, cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const port = await freePort();
  const args = ["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-k", folder];
  args.push("-c", "log_min_messages=panic", "-c", "max_connections=200", "-c", "hot_standby=on");
  const server = guarded({ command: join(binaries, "postgres"), args, folder, ...user, endSignal: "SIGQUIT" });
  return { url: `postgres://holdfast@127.0.0.1:${port}/postgres`, stop: server.stop };
}

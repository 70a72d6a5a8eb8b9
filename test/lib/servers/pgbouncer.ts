/** A private PgBouncer in transaction mode before a PostgreSQL server, on a free port of loopback. */
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { freePort, guarded, serverFolder } from "./guarded.ts";
import { foldersOfPath, installedPrograms } from "./installed.ts";

const startMs = 30_000;

export interface Pgbouncer {
  /** The same database as a URL of the server, by way of the pooler. */
  urlFor(databaseUrl: string): string;
  stop(): Promise<void>;
}

/**
 * Starts a pooler that ends with `stop`, or with this process, however that ends.
 * @param serverUrl its users are let in without a password.
 * @param poolSize connections to the server per database, fewer than a store opens to the pooler.
 */
export async function startPgbouncer(serverUrl: string, poolSize = 4): Promise<Pgbouncer> {
  const program = installedPrograms({
    what: "PgBouncer",
    debianPackages: ["pgbouncer"],
    variable: "PATH",
    find: () => [...foldersOfPath(), "/usr/sbin"].map((folder) => join(folder, "pgbouncer")).find(existsSync),
  });
  const { hostname, port: serverPort, username } = new URL(serverUrl);
  const folder = serverFolder("pgbouncer");
  const port = await freePort();
  const settings = join(folder, "pgbouncer.ini");
  writeFileSync(
    settings,
    `[databases]
* = host=${hostname} port=${serverPort} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 500
log_connections = 0
log_disconnections = 0
log_pooler_errors = 0
`,
  );
  const user = unprivileged();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const server = guarded({ command: program, args: ["-q", settings], folder, ...user, endSignal: "SIGQUIT" });
  const until = performance.now() + startMs;
  while (!(await listens(port))) {
    if (performance.now() > until || server.ended()) throw new Error("PgBouncer did not start");
    await delay(20);
  }
  return {
    urlFor: (databaseUrl) => {
      const url = new URL(databaseUrl);
      url.hostname = "127.0.0.1";
      url.port = String(port);
      return url.href;
    },
    stop: server.stop,
  };
}

/** It refuses to run as root. */
function unprivileged(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync("id", [flag, "nobody"]));
  return { uid: id("-u"), gid: id("-g") };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

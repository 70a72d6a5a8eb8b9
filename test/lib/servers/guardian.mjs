/**
 * Runs a server for as long as its standard input stays open, then ends it and removes its folder. Whoever started this
 * may be killed in any way: its end of the pipe closes all the same.
 * Argument: JSON with `command`, `args`, `folder`, `uid` and `gid`.
 */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

const { command, args, folder, uid, gid } = JSON.parse(process.argv[2] ?? "{}");

const server = spawn(command, args, { uid, gid, cwd: folder, stdio: ["ignore", "ignore", "inherit"] });

server.once("exit", () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit();
});
process.stdin.resume();
process.stdin.once("close", () => {
  // PostgreSQL's immediate shutdown: nothing in the folder is needed any more.
  server.kill("SIGQUIT");
  setTimeout(() => server.kill("SIGKILL"), 5_000).unref();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => server.kill("SIGQUIT"));

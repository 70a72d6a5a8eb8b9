/**
 * Runs a server for as long as its standard input stays open, then ends it and removes its folder. Whoever started this
 * may be killed in any way: its end of the pipe closes all the same.
 * Each line on standard input kills the server with all its processes by -9 and starts it anew.
 * Argument: the `Launch` of guarded.ts as JSON.
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";

const { command, args, folder, uid, gid, restarts, endSignal } = JSON.parse(process.argv[2] ?? "{}");
const settleMs = 20;
const restartMs = 200;
let server;
const recoverMs = 5_000;
let crashing = false;
let ending = false;
let crashedAt = Number.NEGATIVE_INFINITY;

function start() {
  crashing = false;
  if (ending) finish();
  const started = spawn(command, args, { uid, gid, cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  server = started;
  started.once("exit", () => {
    // One that was killed may be heard of only once the next has started.
    if (crashing || server !== started) return;
    // Refused while the kernel still counts users of the memory of those killed; it is let go in a moment.
    if (!ending && performance.now() - crashedAt < recoverMs) setTimeout(start, settleMs);
    else if (restarts && !ending) setTimeout(start, restartMs);
    else finish();
  });
}

function finish() {
  rmSync(folder, { recursive: true, force: true });
  process.exit();
}

/** Each of the server's processes is in a group of its own, so they are found by their parent. */
function family() {
  const parent = String(server.pid);
  const children = readdirSync("/proc").filter((name) => {
    try {
      // The fields after the name in parentheses: state, then parent.
      return (
        /^\d+$/.test(name) && readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ")[1] === parent
      );
    } catch {
      return false;
    }
  });
  return [server.pid, ...children.map(Number)];
}

function isThere(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.[0] !== "Z";
  } catch {
    return false;
  }
}

function crash() {
  crashing = true;
  crashedAt = performance.now();
  // Stopped first, so that it starts no process between the look and the kill: one left over would keep its memory.
  server.kill("SIGSTOP");
  const pids = family();
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It had ended by itself.
    }
  }
  const wait = () => {
    if (pids.some(isThere)) setTimeout(wait, settleMs);
    else start();
  };
  wait();
}

start();
createInterface({ input: process.stdin })
  .on("line", () => crash())
  .once("close", () => {
    ending = true;
    server.kill(endSignal);
    setTimeout(() => server.kill("SIGKILL"), 5_000).unref();
  });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => {
    ending = true;
    server.kill(endSignal);
  });

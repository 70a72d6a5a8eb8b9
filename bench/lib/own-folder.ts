import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const graceMs = 10_000;

/**
 * Runs a script whose temporary folders all lie in one, which is removed afterwards, and whose processes form a group, which
 * is ended before that: when the script is over, when it fails, and when a signal comes. Resolves with its exit code, or 128
 * and the number of the signal.
 */
export async function inOwnFolder(script: URL, words: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  // PostgreSQL runs as a user of its own where we are root, and has to get through to its folder.
  await chmod(folder, 0o711);
  const child = fork(fileURLToPath(script), [...words], {
    // Where `tmpdir()` leads, in it and in everything that it starts.
    env: { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder },
    detached: process.platform !== "win32",
  });
  const over = once(child, "exit") as Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  let stopped: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    stopped = 128 + constants.signals[signal];
    signalGroup(child, "SIGTERM");
  };
  for (const signal of stopSignals) process.on(signal, stop);
  try {
    const [code] = await over;
    return stopped ?? code ?? 1;
  } finally {
    await endGroup(child);
    // A server that was killed may write its last while this goes on.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    for (const signal of stopSignals) process.off(signal, stop);
  }
}

/** Asks, waits, and then no longer asks: databases shut down in order if they can. */
async function endGroup(child: ChildProcess): Promise<void> {
  const until = performance.now() + graceMs;
  signalGroup(child, "SIGTERM");
  while (signalGroup(child, 0) && performance.now() < until) await delay(20);
  signalGroup(child, "SIGKILL");
}

/** Whether there was anybody to hear it. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(process.platform === "win32" ? child.pid : -child.pid, signal);
  } catch {
    return false;
  }
}

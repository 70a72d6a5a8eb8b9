/** A private Redis for measurements: append-only file, flushed every second, nothing evicted. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { freePort } from "./free-port.ts";
import type { BenchServer } from "./postgres-server.ts";

/** `HOLDFAST_BENCH_REDIS_URL`, or a server of our own; undefined where Redis is not installed. */
export async function benchRedis(): Promise<BenchServer | undefined> {
  const given = process.env["HOLDFAST_BENCH_REDIS_URL"];
  if (given !== undefined && given !== "") return { url: given, pid: undefined, stop: () => Promise.resolve() };
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const binaries = folders.find((folder) => existsSync(join(folder, "redis-server")));
  if (binaries === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  args.push("--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction");
  const server = spawn(join(binaries, "redis-server"), args, { stdio: "ignore" });
  const stop = async (): Promise<void> => {
    if (server.exitCode === null) {
      const gone = once(server, "exit");
      server.kill("SIGKILL");
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  const until = performance.now() + 30_000;
  while (!(await accepts(port))) {
    if (performance.now() > until || server.exitCode !== null) {
      await stop();
      throw new Error("Redis did not start");
    }
    await delay(20);
  }
  return { url: `redis://127.0.0.1:${port}`, pid: server.pid, stop };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (open: boolean) => (): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", answer(true));
    socket.once("error", answer(false));
  });
}

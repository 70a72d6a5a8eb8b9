/** What a client of a 2025-era session sees when the process that serves it is killed in the middle of a call. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";

import { openRawSession, readEvents, type SseEvent } from "../lib/raw-session.ts";
import { findRoot } from "../tools/root.ts";

type Talker = { readonly url: string; kill(): Promise<void> };

let folder: string;
const running = new Set<ChildProcess>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-kill-"));
});

afterEach(async () => {
  await Promise.all([...running].map(kill));
  await rm(folder, { recursive: true, force: true });
});

async function startTalker(): Promise<Talker> {
  const main = join(await findRoot(), ".cache", "build", "test", "sessions", "talker.js");
  const child = spawn(process.execPath, [main, `sqlite:${join(folder, "state.db")}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  const lines = createInterface({ input: child.stdout });
  const [url] = (await once(lines, "line")) as [string];
  return { url, kill: () => kill(child) };
}

async function kill(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

test("the stream of a call goes on after a kill -9, and ends with an answer that says what happened", async () => {
  const first = await startTalker();
  const session = await openRawSession(first.url);
  await session.call(first.url, 1, "count");
  const seen: SseEvent[] = [];
  const streaming = await session.call(first.url, 2, "talk", { steps: 1_000, waitMs: 20 });
  await readEvents(streaming, (event) => {
    seen.push(event);
    if (seen.length === 6) void first.kill();
  });
  expect(seen.length).toBeGreaterThanOrEqual(6);

  const second = await startTalker();
  const resumeFrom = seen[2]?.id ?? "";
  const answer = await session.resume(second.url, resumeFrom);
  expect(answer.status).toBe(200);
  const started = Date.now();
  const resumed = await readEvents(answer);
  expect(Date.now() - started).toBeLessThan(20_000);

  // Everything that was on a socket was in the log, and is there in order and once.
  const replayed = resumed.slice(0, -1);
  expect(replayed.slice(0, seen.length - 3)).toEqual(seen.slice(3));
  const steps = replayed.map(({ data }) => (JSON.parse(data) as { params: { data: number } }).params.data);
  expect(steps).toEqual(steps.map((_, index) => index + 3));
  const last = JSON.parse(resumed.at(-1)?.data ?? "") as { id: number; error: { code: number; message: string } };
  expect(last).toMatchObject({ id: 2, error: { code: -32603 } });
  expect(last.error.message).toContain("repeated");

  // Whoever resumes again gets the same end.
  expect(await readEvents(await session.resume(second.url, resumeFrom))).toEqual(resumed);

  // And the session goes on.
  const counted = await (await session.call(second.url, 3, "count")).text();
  expect(counted).toContain('"text":"2"');
});

/** What real processes do to each other's locks: pause, come back late, and crowd one record. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";

import { findRoot } from "../tools/root.ts";
import type { Answer, Command } from "./actor.ts";

type Actor = { readonly child: ChildProcessWithoutNullStreams; tell(command: Command): Promise<Answer> };

async function newStore(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-locks-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return `sqlite:${join(folder, "state.db")}`;
}

async function startActor(store: string): Promise<Actor> {
  const main = join(await findRoot(), ".cache", "build", "test", "locks", "actor.js");
  const child = spawn(process.execPath, [main, store]);
  child.stderr.pipe(process.stderr);
  const ended = new Promise((resolve) => child.once("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { done, value } = await lines.next();
    if (done === true) throw new Error("the process ended");
    return value;
  };
  expect(await next()).toBe("ready");
  return {
    child,
    tell: async (command) => {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      // Written by `actor.ts`.
      return JSON.parse(await next()) as Answer;
    },
  };
}

async function ok<T>(answer: Promise<Answer>): Promise<T> {
  const settled = await answer;
  if (!("ok" in settled)) throw new Error(`refused: ${settled.code}`);
  return settled.ok as T;
}

test("a holder that was paused past its lease can write nothing more, although the next one has not written yet", async () => {
  const store = await newStore();
  const [zombie, next] = await Promise.all([startActor(store), startActor(store)]);
  const page = await ok<string>(zombie.tell({ do: "create" }));
  const token = await ok<number>(zombie.tell({ do: "lock", name: "page", ttlMs: 700, waitMs: 0 }));
  await ok(zombie.tell({ do: "write", page, line: "in time" }));
  zombie.child.kill("SIGSTOP");
  // Asked for while it sleeps, done as the first thing when it wakes.
  const late = zombie.tell({ do: "write", page, line: "too late" });
  const nextToken = await ok<number>(next.tell({ do: "lock", name: "page", ttlMs: 60_000, waitMs: 30_000 }));
  expect(nextToken).toBeGreaterThan(token);
  zombie.child.kill("SIGCONT");
  expect(await late).toEqual({ code: "FENCED" });
  expect(await ok(next.tell({ do: "read", page }))).toEqual(["in time"]);
  await ok(next.tell({ do: "write", page, line: "mine" }));
  expect(await zombie.tell({ do: "write", page, line: "later still" })).toEqual({ code: "FENCED" });
  expect(await ok(next.tell({ do: "read", page }))).toEqual(["in time", "mine"]);
});

test("three processes that crowd one record all make progress, and nothing is lost", { timeout: 90_000 }, async () => {
  const store = await newStore();
  const first = await startActor(store);
  const actors = [first, ...(await Promise.all([startActor(store), startActor(store)]))];
  const page = await ok<string>(first.tell({ do: "create" }));
  const times = 150;
  const counts = await Promise.all(
    actors.map((actor, index) =>
      ok<{ retriesPerUpdate: number[] }>(actor.tell({ do: "update", page, line: `${index}`, times })),
    ),
  );
  const lines = await ok<string[]>(first.tell({ do: "read", page }));
  for (const index of actors.keys()) expect(lines.filter((line) => line === `${index}`)).toHaveLength(times);
  // Turns keep everybody far from the 24 attempts after which an update gives up.
  for (const { retriesPerUpdate } of counts) expect(retriesPerUpdate.at(-1)).toBeLessThan(times / 10);
});

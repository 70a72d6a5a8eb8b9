import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Owner } from "holdfast/contract";
import { sqliteStore } from "holdfast/stores/sqlite";
import { expect, it } from "vitest";

import { eventually } from "../lib/eventually.ts";
import { start, temporaryPath } from "./support.ts";

// Owners are digests; any text of their shape will do here.
const owner = "contention-owner-0123456789abcde" as Owner;
const hot = { kind: "hot", id: "one" } as const;
const change = {
  ...hot,
  expect: "any",
  create: { text: "{}", lifetime: {} },
  counters: [{ name: "n", by: 1 }],
} as const;
/** No stall of the event loop over this, from a foreign lock. */
const longestStallMs = 20;

it("waits two seconds for a foreign lock without stalling the event loop (F19)", async () => {
  const path = await temporaryPath();
  const store = await sqliteStore({ path });
  await store.commit(owner, [change]);

  // A machine that stalls by itself must not be held against the store, nor one lucky run speak for it: what counts is
  // whether waiting for the lock ever takes as little as idling does, plus what a stall may cost.
  let best = { waiting: Number.POSITIVE_INFINITY, idle: 0 };
  for (let attempt = 0; attempt < 3 && best.waiting >= best.idle + longestStallMs; attempt += 1) {
    const idle = await longestDelayDuring(() => new Promise((resolve) => setTimeout(resolve, 1_000)));
    const holder = start("lock-process.mjs", [path]);
    await eventually("the lock is held", () => holder.lines.includes("locked"));
    let finished = 0;
    const commits = Promise.all(
      Array.from({ length: 200 }, async () => {
        await store.commit(owner, [change]);
        finished += 1;
      }),
    );
    const waiting = await longestDelayDuring(() => new Promise((resolve) => setTimeout(resolve, 2_000)));
    expect(finished, "nothing can have been committed under the foreign lock").toBe(0);
    holder.child.stdin.write("release\n");
    await commits;
    best = { waiting, idle };
  }
  await store.close();
  expect(best.waiting).toBeLessThan(best.idle + longestStallMs);
});

it("counts exactly and starves nobody when several processes write one counter", async () => {
  const path = await temporaryPath();
  await (await sqliteStore({ path })).close();
  const scripts = Array.from({ length: 3 }, () => start("counter-process.mjs", [path, owner, "3000"]));
  await eventually("all are ready", () => scripts.every(({ lines }) => lines.includes("ready")));
  for (const { child } of scripts) child.stdin.write("go\n");
  await Promise.all(scripts.map(({ ended }) => ended));
  // The last line each of them printed.
  const results = scripts.map(({ lines }) => JSON.parse(lines.at(-1) ?? "") as { done: number });

  const store = await sqliteStore({ path });
  const total = (await store.read(owner, hot)).record?.counters.get("n");
  await store.close();
  expect(total).toBe(results.reduce((sum, { done }) => sum + done, 0));
  const most = Math.max(...results.map(({ done }) => done));
  for (const { done } of results) expect(done, JSON.stringify(results)).toBeGreaterThan(most / 20);
});

it("tells a listener in this process within a moment of a commit in another", async () => {
  const path = await temporaryPath();
  const store = await sqliteStore({ path });
  let heardAt = 0;
  const end = store.subscribe("anything", () => (heardAt = performance.now()));
  const script = start("counter-process.mjs", [path, owner, "50"]);
  await eventually("it is ready", () => script.lines.includes("ready"));
  const before = performance.now();
  script.child.stdin.write("go\n");
  await eventually("a hint", () => heardAt > before);
  await script.ended;
  expect((await store.read(owner, hot)).record?.counters.get("n")).toBeGreaterThan(0);
  end();
  await store.close();
});

async function longestDelayDuring(wait: () => Promise<void>): Promise<number> {
  const monitor = monitorEventLoopDelay({ resolution: 1 });
  monitor.enable();
  await wait();
  monitor.disable();
  return monitor.max / 1e6;
}

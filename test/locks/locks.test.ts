/** What real processes do to each other's locks: pause, come back late, and crowd one record. */
import { expect, onTestFinished, test } from "vitest";

import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { startTold, type ToldProcess } from "../lib/told-process.ts";
import type { Command } from "./actor.ts";

type Actor = ToldProcess<Command>;

async function startActors(storeName: string, count: number): Promise<readonly Actor[]> {
  const store = await openDurable(storeName);
  onTestFinished(() => store[Symbol.asyncDispose]());
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const actor = await startTold<Command>("locks/actor", [store.url]);
      onTestFinished(() => actor[Symbol.asyncDispose]());
      return actor;
    }),
  );
}

test.each(durableStores)(
  "on %s, a holder that was paused past its lease can write nothing more, although the next one has not written yet",
  { timeout: 90_000 },
  async (store) => {
    const [zombie, next] = (await startActors(store, 2)) as [Actor, Actor];
    const page = await zombie.ok<string>({ do: "create" });
    const token = await zombie.ok<number>({ do: "lock", name: "page", ttlMs: 2_000, waitMs: 0 });
    await zombie.ok({ do: "write", page, line: "in time" });
    zombie.child.kill("SIGSTOP");
    // Asked for while it sleeps, done as the first thing when it wakes.
    const late = zombie.tell({ do: "write", page, line: "too late" });
    const nextToken = await next.ok<number>({ do: "lock", name: "page", ttlMs: 60_000, waitMs: 30_000 });
    expect(nextToken).toBeGreaterThan(token);
    zombie.child.kill("SIGCONT");
    expect(await late).toEqual({ code: "FENCED" });
    expect(await next.ok({ do: "read", page })).toEqual(["in time"]);
    await next.ok({ do: "write", page, line: "mine" });
    expect(await zombie.tell({ do: "write", page, line: "later still" })).toEqual({ code: "FENCED" });
    expect(await next.ok({ do: "read", page })).toEqual(["in time", "mine"]);
  },
);

test.each(durableStores)(
  "on %s, three processes that crowd one record all make progress, and nothing is lost",
  { timeout: 120_000 },
  async (store) => {
    const actors = await startActors(store, 3);
    const [first] = actors as [Actor];
    const page = await first.ok<string>({ do: "create" });
    const times = 100;
    const counts = await Promise.all(
      actors.map((actor, index) =>
        actor.ok<{ retriesPerUpdate: number[] }>({ do: "update", page, line: `${index}`, times }),
      ),
    );
    const lines = await first.ok<string[]>({ do: "read", page });
    for (const index of actors.keys()) expect(lines.filter((line) => line === `${index}`)).toHaveLength(times);
    // Turns keep everybody far from the 24 attempts after which an update gives up.
    for (const { retriesPerUpdate } of counts) expect(retriesPerUpdate.at(-1)).toBeLessThan(times / 10);
  },
);

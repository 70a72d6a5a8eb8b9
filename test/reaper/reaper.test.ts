/** Three processes on one store: one of them sweeps, and once it is killed another one does. */
import type { Creation, Owner, Store } from "holdfast/contract";
import { describe, expect, it, onTestFinished } from "vitest";

import { durableStores, openAlone, openDurable } from "../lib/durable-stores.ts";
import { type Launched, launchScript } from "../lib/node-process.ts";
import { poll } from "../lib/waiting.ts";

// As long as an owner is, and none of a principal.
const owner = "reaped-owner-0123456789abcdefghij" as Owner;
const count = 50;

async function startSweepers(url: string): Promise<readonly Launched[]> {
  const sweepers = await Promise.all(Array.from({ length: 3 }, () => launchScript("reaper/sweeper", { args: [url] })));
  onTestFinished(async () => {
    for (const { process } of sweepers) process.kill("SIGKILL");
    await Promise.all(sweepers.map(({ exited }) => exited));
  });
  for (const { stdout, stderr } of sweepers) {
    await poll(() => (stdout().includes("ready") ? true : undefined), `a process:\n${stderr()}`, 60_000);
  }
  return sweepers;
}

/** Makes records whose time is over at once, every other one of which is retained. */
async function expire(store: Store, name: string): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, n) => `${name}${n}`);
  const create = (n: number): Creation => ({
    text: "{}",
    lifetime: { idleMs: 1, retainMs: n % 2 === 0 ? 0 : 3_600_000 },
  });
  await Promise.all(
    ids.map((id, n) => store.commit(owner, [{ kind: "thing", id, expect: "absent", create: create(n) }])),
  );
  return ids.sort();
}

/** What of them is still there for who looks into it. */
async function retained(store: Store, ids: readonly string[]): Promise<number> {
  const records = await Promise.all(ids.map((id) => store.admin.inspect(owner, { kind: "thing", id })));
  return records.filter((record) => record?.document === "{}").length;
}

/** What each process says it removed or closed, once all of it is told. */
async function removals(sweepers: readonly Launched[], name: string): Promise<readonly (readonly string[])[]> {
  const said = (): readonly (readonly string[])[] =>
    sweepers.map(({ stdout }) => [...stdout().matchAll(/^over thing (\w+)$/gm)].map(([, id]) => id ?? ""));
  const ours = (): readonly (readonly string[])[] => said().map((ids) => ids.filter((id) => id.startsWith(name)));
  await poll(() => (ours().flat().length >= count ? true : undefined), `the removal of ${name}`, 60_000);
  return ours();
}

describe.each(durableStores)("on %s", (name) => {
  it("one of three sweeps, and another one once that was killed; each record is told once, and gone unless it is retained", async () => {
    const place = await openDurable(name);
    onTestFinished(async () => {
      await place[Symbol.asyncDispose]();
    });
    const store = await openAlone(place.url);
    onTestFinished(() => store.close());
    const sweepers = await startSweepers(place.url);

    const first = await expire(store, "a");
    const before = await removals(sweepers, "a");
    expect(before.flat().sort()).toEqual(first);
    expect(before.filter((ids) => ids.length > 0)).toHaveLength(1);
    const holder = sweepers[before.findIndex((ids) => ids.length > 0)];
    holder?.process.kill("SIGKILL");
    await holder?.exited;

    const second = await expire(store, "b");
    const after = await removals(sweepers, "b");
    expect(after.flat().sort()).toEqual(second);
    expect(after.filter((ids) => ids.length > 0)).toHaveLength(1);
    expect(await retained(store, [...first, ...second])).toBe(count);
    // Those that are retained were closed before, by whoever swept then, and are not told again by the next.
    expect(await removals(sweepers, "a")).toEqual(before);
    expect(after.findIndex((ids) => ids.length > 0)).not.toBe(before.findIndex((ids) => ids.length > 0));
  }, 180_000);
});

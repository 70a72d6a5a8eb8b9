import { join } from "node:path";
import { expect, it } from "vitest";

import type { CommitIdOrigin } from "../../record/commit-ids.ts";
import type { Store } from "../../store/contract.ts";
import { loadDriver } from "./client.ts";
import { openFor, owner, temporaryFolder } from "./temporary.test-kit.ts";

const hour = 3_600_000;
const key = { kind: "note", id: "a" } as const;
const counting = {
  ...key,
  expect: "any",
  create: { text: "{}", lifetime: {} },
  counters: [{ name: "n", by: 1 }],
} as const;

async function commitMany(store: Store, from: number, to: number, origin: CommitIdOrigin = "caller"): Promise<void> {
  const commits = Array.from({ length: to - from }, (_, index) =>
    store.commit(owner, [counting], { commitId: { id: `${origin} ${from + index}`, digest: "d", origin } }),
  );
  for (const answer of await Promise.all(commits)) expect(answer.ok && !answer.replayed).toBe(true);
}

/** Ids of callers as they lie in the file, and as the owner's row counts them. */
async function idsIn(path: string): Promise<readonly unknown[]> {
  const database = (await loadDriver()).open(path);
  try {
    const held = database.prepare("select count(*) as count, coalesce(sum(caller), 0) as callers from commits").get();
    const counted = database.prepare("select sum(commit_ids) as count from owners").get();
    return [Number(held?.["count"]), Number(held?.["callers"]), Number(counted?.["count"])];
  } finally {
    database.close();
  }
}

it("forgets every commit id whose time is over, though thousands are and no record goes with them", async () => {
  const path = join(await temporaryFolder(), "state.db");
  let now = 1_000_000;
  const store = await openFor({ path, clock: () => now });
  for (const from of [0, 4_000, 8_000]) await commitMany(store, from, from + 4_000);
  now += 24 * hour;
  await commitMany(store, 12_000, 12_005);
  expect(await idsIn(path)).toEqual([12_005, 12_005, 12_005]);
  const answers = [];
  for (let more = true; more; ) {
    const answer = await store.admin.reap({ limit: 1 });
    answers.push(answer);
    more = answer.more;
  }
  // One call is bounded, so the first of them has to say that there is more.
  expect(answers.map(({ removed, more }) => [removed.length, more])).toEqual([
    [0, true],
    [0, false],
  ]);
  expect(await idsIn(path)).toEqual([5, 5, 5]);
});

it("counts callers' ids as they are, whether made, made anew, forgotten or erased", async () => {
  const path = join(await temporaryFolder(), "state.db");
  let now = 1_000_000;
  const store = await openFor({ path, clock: () => now });
  await commitMany(store, 0, 30);
  await commitMany(store, 0, 40, "internal");
  expect(await idsIn(path)).toEqual([70, 30, 30]);
  now += 24 * hour;
  await commitMany(store, 20, 35);
  expect(await idsIn(path)).toEqual([75, 35, 35]);
  await store.admin.reap({ limit: 10 });
  expect(await idsIn(path)).toEqual([15, 15, 15]);
  await store.admin.erase(owner);
  expect(await idsIn(path)).toEqual([0, 0, 0]);
});

it("forgets what is over by itself where only that stands in the way of a new id", async () => {
  const path = join(await temporaryFolder(), "state.db");
  let now = 1_000_000;
  const store = await openFor({ path, clock: () => now });
  await commitMany(store, 0, 30);
  now += 24 * hour;
  const commitId = { id: "new", digest: "d", origin: "caller" } as const;
  expect(await store.commit(owner, [counting], { commitId, quota: { commitIds: 30 } })).toMatchObject({ ok: true });
  expect(await idsIn(path)).toEqual([1, 1, 1]);
});

it.for([65_536, 65_537, 99_999])("opens with a cache of %d bytes", async (cacheBytes) => {
  const store = await openFor({ path: join(await temporaryFolder(), "state.db"), cacheBytes });
  expect((await store.commit(owner, [counting])).ok).toBe(true);
  expect((await store.read(owner, key)).record?.counters.get("n")).toBe(1);
});

it("finds what it has to close by an index of little else, and sets right what a release before left there", async () => {
  const path = join(await temporaryFolder(), "state.db");
  let now = 1_000_000;
  const store = await openFor({ path, clock: () => now });
  const keep = { idleMs: hour, retainMs: 2 * hour };
  for (const [id, lifetime] of [
    ["ended", keep],
    ["kept", keep],
    ["plain", { idleMs: 2 * hour }],
  ] as const)
    await store.commit(owner, [{ kind: "note", id, expect: "absent", create: { text: "{}", lifetime } }]);
  await store.commit(owner, [{ kind: "note", id: "ended", expect: "present", end: true }]);
  const database = (await loadDriver()).open(path);
  try {
    // The first schema kept the expiry of what had ended.
    database.prepare("update records set expires_at = ? where record = 'ended'").run(now + hour);
    now += hour;
    const found =
      "select record from records where expires_at <= ? and purge_at > expires_at order by expires_at limit 9";
    const plan = database.prepare(`explain query plan ${found}`).all(now);
    expect(plan.map((step) => String(step["detail"])).join()).toMatch(/using index records_closing/i);
    expect(database.prepare(found).all(now)).toHaveLength(2);
    expect(await store.admin.reap({ limit: 10 })).toMatchObject({ removed: [], closed: [{ id: "kept" }], more: false });
    expect(database.prepare(found).all(now + hour)).toEqual([]);
  } finally {
    database.close();
  }
  expect((await store.usage(owner)).records).toBe(1);
});

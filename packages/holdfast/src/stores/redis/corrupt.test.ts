/** What somebody else wrote into the keys of the store is told as such, to whoever needs it and to nobody else. */
import { expect, it } from "vitest";

import type { Change } from "../../record/change.ts";
import { ownerOf } from "../../record/ids.ts";
import { Keys } from "./keys.ts";
import { connectFor, openFor, owner, storeForThisFile } from "./temporary.test-kit.ts";

const options = storeForThisFile();
const ids = ["a", "b", "torn", "c"];
const lifetime = { idleMs: 60_000 };
const making = (id: string): Change => ({ kind: "note", id, expect: "absent", create: { text: "{}", lifetime } });
const counting = (id: string): Change => ({ kind: "note", id, expect: "present", counters: [{ name: "n", by: 1 }] });

it.each(["garbage", "\u0000", ""])("a record that holds %j fails nobody else of its call", async (facts) => {
  const prefix = `${options().prefix}${facts.length}:`;
  const store = await openFor({ ...options(), prefix });
  await store.commit(owner, ids.map(making));
  const line = await connectFor(options().url);
  const [hash] = new Keys(prefix).ofOwner(owner);
  await line.send(["HSET", hash, "m/note/torn", facts]);

  const corrupt = { status: "rejected", reason: { code: "STORE_CORRUPT", retryable: false } };
  const commits = await Promise.allSettled(ids.map((id) => store.commit(owner, [counting(id)])));
  const done = { status: "fulfilled", value: { ok: true } };
  expect(commits).toMatchObject([done, done, corrupt, done]);
  const reads = await Promise.allSettled(ids.map((id) => store.read(owner, { kind: "note", id })));
  const found = { status: "fulfilled", value: { record: { counters: new Map([["n", 1]]) } } };
  expect(reads).toMatchObject([found, found, corrupt, found]);
});

it("an owner whose account is torn is told so, and nothing is written", async () => {
  const prefix = `${options().prefix}account:`;
  const store = await openFor({ ...options(), prefix });
  await store.commit(owner, ids.map(making));
  const line = await connectFor(options().url);
  const [hash] = new Keys(prefix).ofOwner(owner);
  await line.send(["HSET", hash, "a", "garbage"]);
  await expect(store.commit(owner, [counting("a")])).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  expect((await store.read(owner, { kind: "note", id: "a" })).record?.counters.size).toBe(0);
});

it("an owner who cannot be read keeps no sweep from removing and telling what is due of others", async () => {
  const prefix = `${options().prefix}sweep:`;
  let at = 1_700_000_000_000;
  const store = await openFor({ ...options(), prefix }, () => `@${at}`);
  const others = ["one", "two", "three"].map((subject) => ownerOf({ issuer: "test", subject }));
  for (const whose of [owner, ...others]) await store.commit(whose, [making("a")]);
  const line = await connectFor(options().url);
  const [hash] = new Keys(prefix).ofOwner(owner);
  await line.send(["HSET", hash, "m/note/a", "garbage"]);
  at += 60_001;
  const { removed, more } = await store.admin.reap({ limit: 100 });
  expect([new Set(removed.map(({ owner: whose }) => whose)), more]).toEqual([new Set(others), false]);
  // Nothing is due any more but what cannot be read, which has to be told.
  at += 30_001;
  await expect(store.admin.reap({ limit: 100 })).rejects.toMatchObject({ code: "STORE_CORRUPT" });
});

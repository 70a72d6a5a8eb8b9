import { expect, test } from "vitest";

import { ownerOf } from "../../record/ids.ts";
import type { Owner, RecordKey } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { eventually } from "../redis/temporary.test-kit.ts";
import { openFor, pairForThisFile, throughProxy } from "./temporary.test-kit.ts";

const pair = pairForThisFile();
const key: RecordKey = { kind: "note", id: "a" };
let owners = 0;

function freshOwner(): Owner {
  owners += 1;
  return ownerOf({ issuer: "test", subject: `tiered-${owners}` });
}

async function create(store: Store, owner: Owner, lifetime = {}): Promise<void> {
  const committed = await store.commit(owner, [{ ...key, expect: "absent", create: { text: '"1"', lifetime } }]);
  expect(committed.ok).toBe(true);
}

async function write(store: Store, owner: Owner, text: string): Promise<void> {
  const committed = await store.commit(owner, [{ ...key, expect: "present", document: { text } }]);
  expect(committed.ok).toBe(true);
}

const readOld = async (store: Store, owner: Owner): Promise<string | undefined> =>
  (await store.read(owner, key, { replica: true })).record?.document;

async function hitsOf(store: Store): Promise<number> {
  return Number((await store.health()).details["cacheHits"]);
}

/** Reads until the answer came from the cache, since filling it is waited for by nobody. */
async function readCached(store: Store, owner: Owner): Promise<string | undefined> {
  let found: string | undefined;
  await eventually("an answer from the cache", async () => {
    const before = await hitsOf(store);
    found = await readOld(store, owner);
    return (await hitsOf(store)) > before;
  });
  return found;
}

test("answers from the cache are for those who allow them, and tell what every node has committed", async () => {
  const [one, other] = [await openFor(pair()), await openFor(pair())];
  const owner = freshOwner();
  await create(one, owner);
  expect(await readCached(one, owner)).toBe('"1"');
  const hits = await hitsOf(one);
  await one.read(owner, key);
  await one.read(owner, key, { replica: true, tails: [{ stream: "log", after: 0, limit: 1 }] });
  expect(await hitsOf(one)).toBe(hits);
  await write(other, owner, '"2"');
  expect(await readOld(one, owner)).toBe('"2"');
  // A counter changes no version, and is seen all the same.
  await readCached(one, owner);
  await other.commit(owner, [{ ...key, expect: "present", counters: [{ name: "n", by: 5 }] }]);
  expect((await one.read(owner, key, { replica: true })).record?.counters.get("n")).toBe(5);
  await readCached(one, owner);
  expect((await one.read(owner, key, { replica: true, minVersion: 2 })).record?.version).toBe(2);
  await other.commit(owner, [{ ...key, expect: "present", end: true }]);
  expect(await readOld(one, owner)).toBeUndefined();
});

test("what nobody told the cache of is seen after `maxStaleMs` at the latest", async () => {
  const { postgres, redis } = pair();
  const cached = await openFor({ postgres, redis, maxStaleMs: 300 });
  // Another prefix, so it tells another cache: as a node that writes to PostgreSQL alone.
  const silent = await openFor({ postgres, redis: { ...(redis as object), url: urlOf(redis), prefix: "elsewhere:" } });
  const owner = freshOwner();
  await create(silent, owner);
  await readCached(cached, owner);
  const writtenAt = performance.now();
  await write(silent, owner, '"2"');
  await eventually("the change seen", async () => {
    const askedAt = performance.now();
    const found = await readOld(cached, owner);
    expect(found === '"1"' ? askedAt - writtenAt : 0).toBeLessThan(300);
    return found === '"2"';
  });
});

test("a record that expires while it lies in the cache is gone", async () => {
  let ahead = 0;
  const store = await openFor({ ...pair(), maxStaleMs: 60_000 }, () => ahead);
  const owner = freshOwner();
  await create(store, owner, { absoluteMs: 5_000 });
  await readCached(store, owner);
  ahead = 5_001;
  expect(await readOld(store, owner)).toBeUndefined();
});

test("an owner that was erased is erased from the cache too", async () => {
  const [one, other] = [await openFor(pair()), await openFor(pair())];
  const owner = freshOwner();
  await create(one, owner);
  await readCached(one, owner);
  await other.admin.erase(owner);
  expect(await readOld(one, owner)).toBeUndefined();
});

test("writers and readers on two nodes who race never miss what was acknowledged", async () => {
  const stores = [await openFor(pair()), await openFor(pair())];
  const owner = freshOwner();
  const [first] = stores;
  if (first === undefined) throw new Error("there are two stores");
  await create(first, owner);
  let acknowledged = 0;
  const writers = stores.map(async (store) => {
    for (let n = 0; n < 100; n += 1) {
      await store.commit(owner, [{ ...key, expect: "present", counters: [{ name: "n", by: 1 }] }]);
      acknowledged += 1;
    }
  });
  let reads = 0;
  const readers = [...stores, ...stores].map(async (store) => {
    while (acknowledged < 200) {
      const least = acknowledged;
      const { record } = await store.read(owner, key, { replica: true });
      expect(record?.counters.get("n") ?? 0).toBeGreaterThanOrEqual(least);
      reads += 1;
    }
  });
  await Promise.all([...writers, ...readers]);
  expect(reads).toBeGreaterThan(20);
  // How often a race meets what is cached is up to the machine: in the end it is there, with all that was counted.
  for (const store of stores) {
    await readCached(store, owner);
    expect((await store.read(owner, key, { replica: true })).record?.counters.get("n")).toBe(200);
  }
});

test("without Redis all goes on, and what was in it before is no answer to who wrote meanwhile", async () => {
  const { options, proxy } = await throughProxy({ ...pair(), maxStaleMs: 1_500, cacheTimeoutMs: 100 });
  const store = await openFor(options);
  const owner = freshOwner();
  await create(store, owner);
  expect(await readCached(store, owner)).toBe('"1"');
  await proxy.refuse();
  proxy.reset();
  await write(store, owner, '"2"');
  // Healthy again before the old answer has lapsed: it must not come back.
  await proxy.heal();
  for (let n = 0; n < 50; n += 1) expect(await readOld(store, owner)).toBe('"2"');
  expect(await readCached(store, owner)).toBe('"2"');
  // Redis is never told of this one.
  proxy.lose("requests");
  await write(store, owner, '"3"');
  expect(await readOld(store, owner)).toBe('"3"');
  await proxy.heal();
  expect(await readOld(store, owner)).toBe('"3"');
  expect(await readCached(store, owner)).toBe('"3"');
});

test("opens while Redis is down, says so, and uses it once it is there", async () => {
  const { options, proxy } = await throughProxy(pair());
  await proxy.refuse();
  const store = await openFor(options);
  const owner = freshOwner();
  await create(store, owner);
  expect(await readOld(store, owner)).toBe('"1"');
  const { ok, warnings, details } = await store.health();
  expect([ok, details["cacheUp"]]).toEqual([true, false]);
  expect(warnings.join()).toContain("Redis cannot be reached");
  const peer = await openFor(pair());
  let heard = 0;
  peer.subscribe("topic", () => {
    heard += 1;
  });
  // Hints go by way of PostgreSQL meanwhile.
  await eventually("a hint", () => {
    store.publish("topic", "hint");
    return heard > 0;
  });
  await proxy.heal();
  expect(await readCached(store, owner)).toBe('"1"');
  expect((await store.health()).details["cacheUp"]).toBe(true);
});

test("a cache that is turned off answers nothing", async () => {
  const store = await openFor({ ...pair(), maxStaleMs: 0 });
  const owner = freshOwner();
  await create(store, owner);
  for (let n = 0; n < 5; n += 1) expect(await readOld(store, owner)).toBe('"1"');
  expect((await store.health()).details).toMatchObject({ cacheHits: 0, cacheMisses: 0 });
});

function urlOf(redis: ReturnType<typeof pair>["redis"]): string {
  return typeof redis === "string" ? redis : redis.url;
}

import { afterEach, describe, expect, it } from "vitest";

import { mintId, ownerOf } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { type MemoryStoreOptions, memoryStore } from "./index.ts";

const opened: Store[] = [];
const hour = 3_600_000;

async function open(options?: MemoryStoreOptions): Promise<Store> {
  const store = await memoryStore(options);
  opened.push(store);
  return store;
}

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

function owner(subject: string = mintId("user")): Owner {
  return ownerOf({ issuer: "memory.test", subject });
}

function caller(id: string): { readonly commitId: { id: string; digest: string; origin: "caller" } } {
  return { commitId: { id, digest: "d", origin: "caller" } };
}

const key = { kind: "note", id: "a" };
const create = { ...key, expect: "any", create: { text: "1234567890", lifetime: {} } } as const;

describe("opening", () => {
  it("names an option it does not know, and those it does", async () => {
    // What a caller without types would do.
    const options = { maxByte: 5 } as MemoryStoreOptions;
    await expect(memoryStore(options)).rejects.toMatchObject({
      code: "CONFIGURATION",
      message: expect.stringMatching(/"maxByte".*maxBytes/),
    });
  });

  it.each([0, -1, 1.5, Number.NaN])("takes %s for no limit", async (limit) => {
    await expect(memoryStore({ maxBytes: limit })).rejects.toMatchObject({ code: "CONFIGURATION" });
    await expect(memoryStore({ maxCommitIds: limit })).rejects.toMatchObject({ code: "CONFIGURATION" });
  });

  it("takes options that are given as undefined for not given", async () => {
    const store = await open({ clock: undefined, maxBytes: undefined, maxCommitIds: undefined, turn: undefined });
    expect((await store.commit(owner(), [create])).ok).toBe(true);
  });

  it("says that nothing survives", async () => {
    const store = await open();
    expect(store.traits).toEqual({ name: "memory", durability: "none", outcomeCanBeUnknown: false, shared: false });
    expect(await store.health()).toMatchObject({ ok: true, durability: "Nothing survives the end of the process." });
  });
});

describe("a full store", () => {
  it("refuses what grows, writes none of it, and goes on once there is room", async () => {
    const store = await open({ maxBytes: 25 });
    const [one, two] = [owner(), owner()];
    await store.commit(one, [create]);
    await store.commit(two, [create]);
    const both = [
      { ...create, id: "b" },
      { ...key, expect: "present", counters: [{ name: "n", by: 1 }] },
    ] as const;
    await expect(store.commit(one, both)).rejects.toMatchObject({ code: "STORE_FULL", retryable: false });
    expect((await store.read(one, key)).record?.counters.size).toBe(0);
    expect(await store.usage(one)).toEqual({ records: 1, bytes: 10, byKind: { note: 1 } });
    expect((await store.commit(one, [{ ...key, expect: "present", document: { text: "1" } }])).ok).toBe(true);
    expect((await store.commit(one, both)).ok).toBe(true);
    await expect(
      store.commit(two, [{ ...key, expect: "present", appends: [{ stream: "s", data: ["12345"] }] }]),
    ).rejects.toMatchObject({
      code: "STORE_FULL",
    });
    await store.admin.erase(one);
    expect(
      (await store.commit(two, [{ ...key, expect: "present", appends: [{ stream: "s", data: ["12345"] }] }])).ok,
    ).toBe(true);
  });

  it("refuses imports likewise", async () => {
    const store = await open({ maxBytes: 15 });
    const [one, two] = [owner(), owner()];
    await store.commit(one, [create]);
    const dump = await store.admin.export(one, key);
    if (dump === undefined) throw new Error("nothing was exported");
    await expect(store.admin.import(two, dump)).rejects.toMatchObject({ code: "STORE_FULL" });
    expect(await store.admin.inspect(two, key)).toBeUndefined();
    expect((await store.health()).details).toMatchObject({ owners: 1 });
  });

  it("forgets no commit id before its time, but all whose time is over", async () => {
    let now = 0;
    const store = await open({ maxCommitIds: 3, clock: () => now });
    const owners = [owner(), owner(), owner(), owner()] as const;
    for (const each of owners.slice(0, 3)) await store.commit(each, [create], caller("x"));
    await expect(store.commit(owners[3], [create], caller("x"))).rejects.toMatchObject({ code: "STORE_FULL" });
    expect((await store.read(owners[3], key)).record).toBeUndefined();
    expect(await store.commit(owners[0], [create], caller("x"))).toMatchObject({ ok: true, replayed: true });
    expect((await store.commit(owners[3], [create])).ok).toBe(true);
    now += 24 * hour;
    expect(await store.commit(owners[3], [create], caller("x"))).toMatchObject({ ok: true, replayed: false });
  });

  it("lets no single owner use up the commit ids of all", async () => {
    const store = await open({ maxCommitIds: 100 });
    const [greedy, other] = [owner(), owner()];
    for (let index = 0; index < 10; index += 1) await store.commit(greedy, [create], caller(`${index}`));
    const refusal = { reason: "quota", quota: "commitIds", limit: 10 };
    expect(await store.commit(greedy, [create], caller("more"))).toMatchObject({ ok: false, refusal });
    expect(await store.commit(other, [create], caller("x"))).toMatchObject({ ok: true });
  });

  it("gives room back when ids go with their owner, and when newer internal ones displace them", async () => {
    const store = await open({ maxCommitIds: 70 });
    const owners = Array.from({ length: 10 }, () => owner());
    for (const each of owners) {
      for (let index = 0; index < 7; index += 1) await store.commit(each, [create], caller(`${index}`));
    }
    const two = owner();
    await expect(store.commit(two, [create], caller("more"))).rejects.toMatchObject({ code: "STORE_FULL" });
    for (const each of owners) await store.admin.erase(each);
    for (let index = 0; index < 500; index += 1) {
      const committed = await store.commit(two, [create], {
        commitId: { id: `${index}`, digest: "d", origin: "internal" },
      });
      expect(committed.ok).toBe(true);
    }
  });
});

describe("time", () => {
  it("never brings back what has expired, though the clock stepped back", async () => {
    let now = 1_000;
    const store = await open({ clock: () => now });
    const mine = owner();
    await store.commit(mine, [{ ...create, create: { text: "", lifetime: { idleMs: 100 } } }]);
    now = 1_100;
    expect((await store.read(mine, key)).record).toBeUndefined();
    now = 500;
    const { at, record } = await store.read(mine, key);
    expect([at, record]).toEqual([1_100, undefined]);
    expect((await store.usage(mine)).records).toBe(0);
  });

  it("lets go of owners who have nothing left but a floor, and remembers that floor", async () => {
    let now = 0;
    const store = await open({ clock: () => now });
    const mine = owner();
    await store.commit(mine, [create], caller("x"));
    await store.commit(mine, [{ ...key, expect: 1, document: { text: "" }, end: true }]);
    await store.admin.reap({ limit: 10 });
    // Remembered for the sake of the id, and counted no more.
    expect((await store.health()).details).toMatchObject({ owners: 1 });
    expect((await store.admin.stats()).owners).toBe(0);
    now += 25 * hour;
    await store.admin.reap({ limit: 10 });
    expect((await store.health()).details).toMatchObject({ owners: 0 });
    expect(await store.admin.stats()).toEqual({ records: 0, owners: 0, events: 0, bytes: 0 });
    expect(await store.commit(mine, [create])).toMatchObject({ results: [{ version: 3 }] });
  });

  it("makes no owner of somebody who only asks, or is refused", async () => {
    const store = await open();
    const mine = owner();
    await store.read(mine, key);
    await store.list(mine, "note", { limit: 1, order: "oldest" });
    await store.commit(mine, [{ ...key, expect: "present", end: true }]);
    expect((await store.health()).details).toMatchObject({ owners: 0 });
  });
});

it("takes effect a turn after it was asked, so that callers interleave as over a wire", async () => {
  const store = await open();
  const mine = owner();
  await store.commit(mine, [create]);
  const order: string[] = [];
  const first = store.read(mine, key).then(() => order.push("read"));
  await Promise.resolve().then(() => order.push("microtask"));
  await first;
  expect(order).toEqual(["microtask", "read"]);
});

it("keeps a listing of many short lives as small as what lives", async () => {
  const store = await open();
  const mine = owner();
  for (let round = 0; round < 300; round += 1) {
    await store.commit(mine, [{ ...create, id: `${round}` }]);
    if (round % 10 === 0) continue;
    await store.commit(mine, [{ ...key, id: `${round}`, expect: "present", end: true }]);
    if (round % 50 === 49) await store.admin.reap({ limit: 1_000 });
  }
  const { records } = await store.list(mine, "note", { limit: 1_000, order: "oldest" });
  expect(records.map(({ id }) => id)).toEqual(Array.from({ length: 30 }, (_, index) => `${index * 10}`));
  expect((await store.admin.scan({ limit: 1_000 })).records.length).toBe(30);
});

import { expect, inject, it, onTestFinished } from "vitest";

import { type Proxy, startProxy } from "../../../../../test/lib/proxy.ts";
import { isHoldfastError } from "../../record/errors.ts";
import type { CommitId, Store } from "../../store/contract.ts";
import { resolving } from "../../store/resolving.ts";
import { connectFor, eventually, openFor, owner, storeForThisFile } from "./temporary.test-kit.ts";

const options = storeForThisFile();
const count = {
  kind: "note",
  expect: "any",
  create: { text: "{}", lifetime: {} },
  counters: [{ name: "n", by: 1 }],
} as const;

function internalId(id: string): CommitId {
  return { id, digest: "d", origin: "internal" };
}

async function counted(store: Store, id: string): Promise<number | undefined> {
  return (await store.read(owner, { kind: "note", id })).record?.counters.get("n");
}

async function proxyFor(): Promise<Proxy> {
  const proxy = await startProxy(inject("redisUrl"));
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

it("resolves a commit whose reply was lost by its commit id, and applies it once", async () => {
  const proxy = await proxyFor();
  const store = resolving(await openFor({ ...options(), url: proxy.url }), { repeatWithinMs: 60_000 });
  const other = await openFor(options());
  // A first commit takes two steps, the first of which writes nothing.
  await store.commit(owner, [{ ...count, id: "first" }]);
  proxy.lose("replies");
  const commit = store.commit(owner, [{ ...count, id: "reply" }], { commitId: internalId("reply") });
  await eventually("the commit reached the server", async () => (await counted(other, "reply")) === 1);
  await eventually("its reply was lost", () => proxy.seen.replies.lost > 0);
  await proxy.heal();
  expect(await commit).toMatchObject({ ok: true, replayed: true });
  expect(await counted(other, "reply")).toBe(1);
});

it("repeats a commit whose request was lost under its id, and applies it once", async () => {
  const proxy = await proxyFor();
  const store = resolving(await openFor({ ...options(), url: proxy.url }), { repeatWithinMs: 60_000 });
  await counted(store, "request");
  proxy.lose("requests");
  const commit = store.commit(owner, [{ ...count, id: "request" }]);
  await eventually("the request was lost", () => proxy.seen.requests.lost > 0);
  await proxy.heal();
  expect(await commit).toMatchObject({ ok: true, replayed: false });
  expect(await counted(store, "request")).toBe(1);
});

it("says that the outcome is unknown where nothing may be repeated, and never sends anything twice", async () => {
  const proxy = await proxyFor();
  const store = await openFor({ ...options(), url: proxy.url });
  const other = await openFor(options());
  await counted(store, "unknown");
  proxy.lose("replies");
  const commit = store.commit(owner, [{ ...count, id: "unknown" }]).catch((error: unknown) => error);
  const read = counted(store, "unknown").catch((error: unknown) => error);
  await eventually("the commit reached the server", async () => (await counted(other, "unknown")) === 1);
  await eventually("its reply was lost", () => proxy.seen.replies.lost > 0);
  await proxy.heal();
  expect(isHoldfastError(await commit, "OUTCOME_UNKNOWN")).toBe(true);
  expect(isHoldfastError(await read, "UNAVAILABLE")).toBe(true);
  await eventually("it works again", async () => (await counted(store, "unknown")) === 1);
});

it("ends every call within its deadline while the server is mute, and goes on once it is not", async () => {
  const proxy = await proxyFor();
  const store = await openFor({ ...options(), url: proxy.url, commandTimeoutMs: 1_000, connectTimeoutMs: 3_000 });
  await counted(store, "mute");
  proxy.lose("requests");
  const beganAt = performance.now();
  const calls = [
    store.read(owner, { kind: "note", id: "mute" }),
    store.events(owner, { kind: "note", id: "mute" }, "log", { limit: 1 }),
    store.list(owner, "note", { limit: 1, order: "oldest" }),
    store.usage(owner),
    store.commit(owner, [{ ...count, id: "mute" }]),
    store.admin.stats(),
  ];
  for (const outcome of await Promise.allSettled(calls)) {
    expect(outcome.status === "rejected" && isHoldfastError(outcome.reason) && outcome.reason.retryable).toBe(true);
  }
  // A registry is asked bucket by bucket, so stats may meet its deadline more than once.
  expect(performance.now() - beganAt).toBeLessThan(15_000);
  await proxy.heal();
  await eventually("it works again", () =>
    counted(store, "other").then(
      () => true,
      () => false,
    ),
  );
});

it("fails at once while the server has been away for a while, and is back soon after it is", async () => {
  const proxy = await proxyFor();
  const store = await openFor({ ...options(), url: proxy.url, connectTimeoutMs: 60_000 });
  await counted(store, "away");
  await proxy.refuse();
  proxy.reset();
  // The first to come wait for the connection, until it has failed too often.
  await expect(counted(store, "away")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const beganAt = performance.now();
  await expect(counted(store, "away")).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(performance.now() - beganAt).toBeLessThan(30_000);
  expect((await store.health()).ok).toBe(false);
  await proxy.heal();
  await eventually("it works again", () =>
    counted(store, "away").then(
      () => true,
      () => false,
    ),
  );
  await eventually("one connection is all there is", () => proxy.connections === 1);
});

it("has its scripts again after the server forgot them in mid-flight", async () => {
  const store = await openFor(options());
  const line = await connectFor(inject("redisUrl"));
  const commits = Array.from({ length: 200 }, async (_, index) => {
    if (index % 20 === 0) await line.send(["SCRIPT", "FLUSH"]);
    return store.commit(owner, [{ ...count, id: "flushed" }]);
  });
  for (const commit of commits) expect(await commit).toMatchObject({ ok: true });
  expect(await counted(store, "flushed")).toBe(200);
});

it("keeps neighbours of a commit that fails inside the server whole", async () => {
  const store = await openFor(options());
  const line = await connectFor(inject("redisUrl"));
  const make = { kind: "neighbour", expect: "absent", create: { text: "{}", lifetime: {} } } as const;
  await store.commit(owner, [{ ...make, id: "broken" }]);
  await line.send(["HSET", `${options().prefix ?? ""}{${owner}}`, "m/neighbour/broken", "no record"]);
  const change = { kind: "neighbour", id: "broken", expect: "present", document: { text: "1" } } as const;
  const answers = await Promise.allSettled([
    store.commit(owner, [{ ...make, id: "before" }]),
    store.commit(owner, [change]),
    store.commit(owner, [{ ...make, id: "after" }]),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(answers[1]).toMatchObject({ reason: { code: "STORE_CORRUPT" } });
  expect((await store.read(owner, { kind: "neighbour", id: "after" })).record?.version).toBe(1);
  await line.send(["HDEL", `${options().prefix ?? ""}{${owner}}`, "m/neighbour/broken"]);
});

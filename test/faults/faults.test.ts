/**
 * Requests lost and replies lost, for every operation of every store behind a network. Whatever the caller is told is
 * true, is told in time, and costs no more connections than before.
 */
import { randomBytes } from "node:crypto";
import { HoldfastError, type Owner, type Store } from "holdfast/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { describeStoresAtOnce } from "../lib/each-store.ts";
import { eventually } from "../lib/eventually.ts";
import { type Direction, type Proxy, startProxy } from "../lib/proxy.ts";
import { networkedStores } from "./networked-stores.ts";
import { mustBeCovered, type Operation, operations, prepare } from "./operations.ts";

/** Beyond any deadline of the stores as they are opened here, on a machine that is busy. */
const deadlineMs = 30_000;
/** How many times the connections it may have a store may open while it gets over a fault. */
const mostReconnects = 5;
/** Long enough to see what a call has done before it hears of it. */
const replyUnderWayMs = 600;
const mostBytesOfOneCall = 64 * 1024;

const directions = ["requests", "replies"] as const;
const everything = Object.entries(operations).flatMap(([name, operation]) =>
  directions.map((direction) => [name, direction, operation] as const),
);

const shared = everything.filter(([, , { alone }]) => alone !== true);
const alone = everything.filter(([, , operation]) => operation.alone === true);

it("has every operation of the contract", () => {
  const names = new Set(Object.keys(operations).map((name) => name.split(" ")[0]));
  expect(names).toEqual(new Set(mustBeCovered));
});

describeStoresAtOnce(networkedStores, "$name", {}, ({ start, open, openDirect, mostConnections }) => {
  let server: Awaited<ReturnType<typeof start>>;
  let direct: Store;

  beforeAll(async () => {
    server = await start();
    direct = await openDirect(server.url);
  });
  afterAll(async () => {
    await direct?.close();
    await server?.stop();
  });

  /** Opens the store by a way on which things get lost, and looks afterwards that nothing is left of the fault. */
  async function withFault(
    work: (store: Store, proxy: Proxy, owner: Owner) => Promise<void>,
    sweeps = false,
  ): Promise<void> {
    await using proxy = await startProxy(server.url);
    const store = await opened(() => open(proxy.url));
    try {
      const owner = `faults-${randomBytes(12).toString("hex")}x` as Owner;
      // What earlier tests left is not for a sweep of this one.
      if (sweeps) while ((await direct.admin.reap({ limit: 1_000 })).more);
      await prepare(direct, owner);
      // Warm, so that what is lost is the call and nothing on the way to it.
      await store.read(owner, { kind: "note", id: "one" });
      const before = proxy.accepted;
      await work(store, proxy, owner);
      await proxy.heal();
      await eventually("it works again", () => works(store, owner), deadlineMs);
      expect(proxy.accepted - before, "connections opened because of the fault").toBeLessThanOrEqual(
        mostConnections * mostReconnects,
      );
      expect(proxy.connections, "connections left open").toBeLessThanOrEqual(mostConnections);
    } finally {
      await proxy.heal();
      await store.close();
    }
    await eventually("all connections are closed", () => proxy.connections === 0, deadlineMs);
  }

  async function cutAfterLoss(_name: string, direction: Direction, operation: Operation): Promise<void> {
    await withFault(async (store, proxy, owner) => {
      const { times } = operation;
      // A reply that is on its way when the connection is cut is lost, of whichever of an operation's steps it is.
      if (direction === "replies" && times !== undefined) proxy.delay("replies", replyUnderWayMs);
      else proxy.lose(direction);
      let settled = false;
      const told = outcomeOf(operation.call(store, owner)).finally(() => (settled = true));
      await eventually(
        "it is carried out, or lost",
        async () =>
          settled || proxy.seen[direction].lost > 0 || (times !== undefined && (await times(direct, owner)) > 0),
        deadlineMs,
      );
      proxy.reset();
      await proxy.heal();
      await checkTruth(await within(told), direction, operation, owner);
    }, operation.alone);
  }

  async function silenceAfterLoss(_name: string, direction: Direction, operation: Operation): Promise<void> {
    await withFault(async (store, proxy, owner) => {
      proxy.lose(direction);
      const sent = proxy.seen.requests.passed + proxy.seen.requests.lost;
      await checkTruth(await within(outcomeOf(operation.call(store, owner))), direction, operation, owner);
      const sentMeanwhile = proxy.seen.requests.passed + proxy.seen.requests.lost - sent;
      expect(sentMeanwhile, "bytes sent because of one call").toBeLessThan(mostBytesOfOneCall);
    }, operation.alone);
  }

  const timeout = 3 * deadlineMs;
  describe.concurrent("tells the truth", () => {
    it.each(shared)("of %s when %s are lost and the connection is cut", { timeout }, cutAfterLoss);
    it.each(shared)("of %s when %s are lost and nothing more is heard", { timeout }, silenceAfterLoss);
  });
  it.each(alone)("tells the truth of %s when %s are lost and the connection is cut", { timeout }, cutAfterLoss);
  it.each(alone)("tells the truth of %s when %s are lost and nothing more is heard", { timeout }, silenceAfterLoss);

  /** Success means once, failure means never, and unknown means at most once. */
  async function checkTruth(told: string, direction: Direction, { times }: Operation, owner: Owner): Promise<void> {
    expect(["answered", "UNAVAILABLE", ...(times ? ["OUTCOME_UNKNOWN"] : [])]).toContain(told);
    if (times === undefined) return;
    const done = await times(direct, owner);
    if (told === "answered") expect(done).toBe(1);
    else if (told === "UNAVAILABLE") expect(done, "it was said to have failed").toBe(0);
    else expect(done).toBeLessThanOrEqual(1);
    if (direction === "requests" && told !== "answered") expect(done, "no request ever arrived").toBe(0);
  }

  it("sends no storm after many callers whose replies are lost, and applies each commit once", {
    timeout: 4 * deadlineMs,
  }, async () => {
    await withFault(async (store, proxy, owner) => {
      const change = { kind: "note", id: "one", expect: "present", counters: [{ name: "n", by: 1 }] } as const;
      const callers = Array.from({ length: 64 }, (_, index) => `caller ${index}`);
      const all = (to: Store): Promise<readonly string[]> =>
        Promise.all(
          callers.map((id) =>
            outcomeOf(to.commit(owner, [change], { commitId: { id, digest: "d", origin: "caller" } })),
          ),
        );
      const bytes = (): number => proxy.seen.requests.passed + proxy.seen.requests.lost;
      proxy.lose("replies");
      const before = bytes();
      const told = await within(all(store));
      const whileMute = bytes() - before;
      await proxy.heal();
      await eventually("it works again", () => works(store, owner), deadlineMs);
      const again = bytes();
      expect(await all(store)).toEqual(callers.map(() => "answered"));
      const once = bytes() - again;
      expect((await direct.read(owner, change)).record?.counters.get("n")).toBe(callers.length);
      expect(whileMute, `${told.join()} for ${once} bytes when all is well`).toBeLessThan(
        10 * once + mostBytesOfOneCall,
      );
    });
  });

  it("hears hints again after its connections were cut", { timeout }, async () => {
    await withFault(async (store, proxy) => {
      let heard = 0;
      const end = store.subscribe("topic", () => (heard += 1));
      proxy.reset();
      const before = heard;
      await eventually(
        "a hint",
        () => {
          direct.publish("topic", "hint");
          return heard > before;
        },
        deadlineMs,
      );
      end();
      expect(heard).toBeGreaterThan(before);
    });
  });

  it("gets over delays, and over replies that break off in the middle", { timeout }, async () => {
    await withFault(async (store, proxy, owner) => {
      const key = { kind: "note", id: "one" };
      const count = { ...key, expect: "present", counters: [{ name: "n", by: 1 }] } as const;
      proxy.delay("replies", 50);
      proxy.delay("requests", 50);
      const options = { commitId: { id: "slow", digest: "d", origin: "caller" } } as const;
      expect(await outcomeOf(store.commit(owner, [count], options))).toBe("answered");
      await proxy.heal();
      let answered = 1;
      for (let bytes = 1; bytes <= 200; bytes += 20) {
        proxy.cutAfter("replies", bytes);
        const id = { commitId: { id: `cut after ${bytes}`, digest: "d", origin: "caller" } } as const;
        await eventually(
          "an answer",
          async () => (await outcomeOf(store.commit(owner, [count], id))) === "answered",
          deadlineMs,
        );
        answered += 1;
        await proxy.heal();
      }
      expect((await direct.read(owner, key)).record?.counters.get("n")).toBe(answered);
    });
  });
});

/** Whether it answered, or with which code it failed. Anything but an error of ours fails the test. */
async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "answered";
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
}

/** Its short deadlines are meant for faults. Before there is one, only the machine can be what is slow. */
async function opened(open: () => Promise<Store>): Promise<Store> {
  let store: Store | undefined;
  const attempt = async (): Promise<boolean> => {
    store = await open().catch((error: unknown) => {
      if (error instanceof HoldfastError && error.code === "UNAVAILABLE") return undefined;
      throw error;
    });
    return store !== undefined;
  };
  await eventually("the store opens", attempt, deadlineMs);
  if (store === undefined) throw new Error("no store was opened");
  return store;
}

async function works(store: Store, owner: Owner): Promise<boolean> {
  return (await outcomeOf(store.read(owner, { kind: "note", id: "one" }))) === "answered";
}

async function within<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

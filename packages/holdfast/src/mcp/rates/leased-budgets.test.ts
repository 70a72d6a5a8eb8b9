/** Nodes that share a budget, on real stores: what is let through, what is not, and what it costs. */
import { afterEach, describe, expect, it } from "vitest";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { HoldfastError } from "../../record/errors.ts";
import { ownerOf } from "../../record/ids.ts";
import type { Store } from "../../store/contract.ts";
import { LeasedBudgets } from "./leased-budgets.ts";

const alice = ownerOf({ issuer: "test", subject: "alice" });
const bob = ownerOf({ issuer: "test", subject: "bob" });
const minuteMs = 60_000;

type Node = { readonly budgets: LeasedBudgets; readonly trips: () => number };

describe.each(backings)("on %s", (_name, open) => {
  let backing: Backing;
  const errors: unknown[] = [];
  const nodes: LeasedBudgets[] = [];
  const node = async (perMinute: number): Promise<Node> => {
    const store = await backing.open();
    let trips = 0;
    const counted: Pick<Store, "read" | "commit"> = {
      read: (...given) => store.read(...given),
      commit: (...given) => {
        trips += 1;
        return store.commit(...given);
      },
    };
    const onError = (error: unknown): unknown => errors.push(error);
    const budgets = new LeasedBudgets({ store: counted, perMinute, onError, now: backing.clock.now });
    nodes.push(budgets);
    return { budgets, trips: () => trips };
  };
  const through = async (among: readonly Node[], calls: number, owner = alice): Promise<number> => {
    const answers = await Promise.all(
      Array.from({ length: calls }, async (_, index) => await among[index % among.length]?.budgets.spend(owner, 1)),
    );
    return answers.filter((wait) => wait === undefined).length;
  };
  const opened = async (): Promise<void> => {
    backing = await open();
  };
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((each) => each.close()));
    await backing[Symbol.asyncDispose]();
    expect(errors.splice(0)).toEqual([]);
  });

  it("one node lets through a minute's calls and not one more, then what time gives back", async () => {
    await opened();
    const one = await node(60);
    const began = backing.clock.now();
    const all = await through([one], 200);
    expect(all).toBeGreaterThanOrEqual(60);
    expect(all).toBeLessThanOrEqual(60 + Math.ceil((backing.clock.now() - began) / 1_000));
    const wait = await one.budgets.spend(alice, 1);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(1_000);
    backing.clock.advance(10_000);
    expect(await through([one], 50)).toBeGreaterThanOrEqual(10);
    expect(await through([one], 60, bob)).toBe(60);
  });

  it("three nodes let through what one would, give or take what they hold in hand", async () => {
    await opened();
    const three = [await node(600), await node(600), await node(600)];
    const began = backing.clock.now();
    const all = await through(three, 2_000);
    const inHand = 3 * 45;
    expect(all).toBeGreaterThanOrEqual(600 - inHand);
    expect(all).toBeLessThanOrEqual(600 + Math.ceil((backing.clock.now() - began) / 100));
    expect(Math.max(...three.map(({ trips }) => trips()))).toBeLessThan(100);
  });

  it("most calls ask the store nothing", async () => {
    await opened();
    const one = await node(6_000);
    for (let call = 0; call < 3_000; call += 1) expect(await one.budgets.spend(alice, 1)).toBeUndefined();
    // 300 calls to a part.
    expect(one.trips()).toBeLessThanOrEqual(12);
  });

  it("a flood of refused calls asks the store nothing either", async () => {
    await opened();
    const one = await node(60);
    await through([one], 100);
    const before = one.trips();
    expect(await through([one], 1_000)).toBeLessThanOrEqual(5);
    expect(one.trips() - before).toBeLessThanOrEqual(6);
  });

  it("what a node that died had in hand is there again within the minute", async () => {
    await opened();
    const dying = await node(100);
    await dying.budgets.spend(alice, 1);
    const other = await node(100);
    expect(await through([other], 100)).toBeLessThan(100);
    backing.clock.advance(minuteMs);
    expect(await through([other], 100)).toBe(100);
  });

  it("what a node leased and did not spend lapses", async () => {
    await opened();
    const five = await Promise.all([1, 2, 3, 4, 5].map(() => node(100)));
    for (const each of five) await each.budgets.spend(alice, 1);
    backing.clock.advance(minuteMs);
    const began = backing.clock.now();
    expect(await through(five, 500)).toBeLessThanOrEqual(100 + Math.ceil((backing.clock.now() - began) / 600));
  });

  it("a batch of more than a minute has counts as the whole minute", async () => {
    await opened();
    const one = await node(10);
    expect(await one.budgets.spend(alice, 50)).toBeUndefined();
    expect(await one.budgets.spend(alice, 1)).toBeGreaterThan(0);
  });
});

it("a store that cannot be reached is told as that, and what is in hand is spent all the same", async () => {
  let down = false;
  const store = await (await import("../../stores/memory/index.ts")).memoryStore();
  const refusing: Pick<Store, "read" | "commit"> = {
    read: (...given) => (down ? Promise.reject(new HoldfastError("UNAVAILABLE", "gone")) : store.read(...given)),
    commit: (...given) => store.commit(...given),
  };
  const budgets = new LeasedBudgets({ store: refusing, perMinute: 60, onError: () => undefined });
  expect(await budgets.spend(alice, 1)).toBeUndefined();
  down = true;
  expect(await budgets.spend(alice, 1)).toBeUndefined();
  expect(await budgets.spend(alice, 1)).toBeUndefined();
  await expect(budgets.spend(alice, 1)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  down = false;
  expect(await budgets.spend(alice, 1)).toBeUndefined();
  await store.close();
});

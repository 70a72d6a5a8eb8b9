/** Nodes that count one principal's streams together, on real stores: never too many, and none refused that has room. */
import { afterEach, describe, expect, it } from "vitest";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { HoldfastError } from "../../record/errors.ts";
import { ownerOf } from "../../record/ids.ts";
import type { Store } from "../../store/contract.ts";
import { leaseMs } from "./node-life.ts";
import { placesOf, SharedPlaces } from "./shared-places.ts";
import { OwnPlaces, type Place } from "./slots.ts";

const alice = ownerOf({ issuer: "test", subject: "alice" });
const bob = ownerOf({ issuer: "test", subject: "bob" });

async function silence(signal: AbortSignal | undefined): Promise<never> {
  return await new Promise((_, reject) => {
    signal?.addEventListener("abort", () => reject(new HoldfastError("ABORTED", "asked no more")));
  });
}

type Node = {
  readonly places: SharedPlaces;
  /** Commits to records of principals. */
  readonly commits: () => number;
  /** Whether the store answers this node. */
  down: boolean;
  /** Whether what it commits is done, and it does not hear of it. */
  losesReplies: boolean;
  /** Looks at what nodes have of principals. */
  reads: number;
  /** Whether it is silent until it is asked no more. */
  hangs: boolean;
  /** Called with each of its commits, before it is sent. */
  onCommit: () => void;
};

describe.each(backings)("on %s", (_name, open) => {
  let backing: Backing;
  const errors: unknown[] = [];
  const nodes: SharedPlaces[] = [];
  const node = async (max: number): Promise<Node> => {
    const store = await backing.open();
    let commits = 0;
    const refuse = (): never => {
      throw new HoldfastError("UNAVAILABLE", "no way there");
    };
    const through: Pick<Store, "read" | "commit"> = {
      read: async (...given) => {
        if (given[1].kind === "holdfast.streams") made.reads += 1;
        return made.down ? refuse() : await store.read(...given);
      },
      commit: async (...given) => {
        if (made.down) return refuse();
        if (made.hangs) return await silence(given[2]?.signal);
        if (given[1][0]?.kind === "holdfast.streams") {
          commits += 1;
          made.onCommit();
        }
        const committed = await store.commit(...given);
        if (!made.losesReplies) return committed;
        throw new HoldfastError("OUTCOME_UNKNOWN", "no reply came");
      },
    };
    const seen = new Proxy(store, {
      get: (target, name) => (name === "read" || name === "commit" ? through[name] : Reflect.get(target, name)),
    });
    const places = new SharedPlaces({ store: seen, max, onError: (error) => errors.push(error) });
    nodes.push(places);
    const faults = { down: false, hangs: false, losesReplies: false };
    const made: Node = { ...faults, places, commits: () => commits, reads: 0, onCommit: () => undefined };
    return made;
  };
  const three = async (max: number): Promise<readonly [Node, Node, Node]> => {
    backing = await open();
    return [await node(max), await node(max), await node(max)];
  };
  const places = async (among: readonly Node[], count: number, owner = alice): Promise<Place[]> => {
    const answers = await Promise.all(
      Array.from({ length: count }, async (_, n) => await among[n % among.length]?.places.take(owner)),
    );
    return answers.filter((place) => place !== undefined);
  };
  /** Takes as many, coming again as a client does. */
  const eventuallyPlaces = async (among: readonly Node[], count: number): Promise<Place[]> => {
    const taken: Place[] = [];
    await expect
      .poll(async () => taken.push(...(await places(among, count - taken.length))), { timeout: 10_000 })
      .toBe(count);
    return taken;
  };
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((each) => each.close()));
    await backing[Symbol.asyncDispose]();
    expect(errors.splice(0)).toEqual([]);
  });

  it("200 at once on three nodes get as many as there may be, and another principal all of its own", async () => {
    const all = await three(32);
    const [mine, others] = await Promise.all([places(all, 200), places(all, 32, bob)]);
    expect([mine.length, others.length]).toEqual([32, 32]);
    expect(await places(all, 9)).toEqual([]);
    // One may have been first with all it was asked for; the others know of it.
    expect(all.filter((each) => each.places.elsewhere(alice)).length).toBeGreaterThanOrEqual(2);
    for (const place of mine.slice(0, 5)) place.giveBack();
    expect(await eventuallyPlaces(all, 5)).toHaveLength(5);
    expect(await places(all, 9)).toEqual([]);
  });

  it("a node that has all of them knows that no other has any", async () => {
    const [one] = await three(2);
    await places([one], 2);
    expect(await places([one], 1)).toEqual([]);
    expect(one.places.elsewhere(alice)).toBe(false);
  });

  it("streams that come and go one after the other cost the store a commit each way", async () => {
    const [one] = await three(4);
    for (let n = 0; n < 50; n += 1) (await one.places.take(alice))?.giveBack();
    expect(one.commits()).toBe(1);
    await expect.poll(one.commits, { timeout: 5_000 }).toBe(2);
  });

  it("one is asked for after the other, each as soon as there is an answer", async () => {
    const [one] = await three(6);
    const taken: (Place | undefined)[] = [];
    for (let n = 0; n < 8; n += 1) taken.push(await one.places.take(alice));
    expect(taken.filter((place) => place !== undefined)).toHaveLength(6);
  });

  it("a place that is asked for while it is being given back is there, and stays", async () => {
    const [one, two] = await three(1);
    const asked: (Place | undefined | Promise<Place | undefined>)[] = [];
    const [first] = await places([one], 1);
    one.onCommit = () => {
      one.onCommit = () => undefined;
      asked.push(one.places.take(alice));
    };
    first?.giveBack();
    await expect.poll(() => asked.length, { timeout: 5_000 }).toBe(1);
    const again = await asked[0];
    again?.whenLost(() => errors.push("lost"));
    expect(again).toBeDefined();
    await expect.poll(one.commits, { timeout: 5_000 }).toBe(3);
    expect(await places([one, two], 4)).toEqual([]);
  });

  it("one place given back twice is one place", async () => {
    const [one, two] = await three(2);
    const [first] = await places([one], 2);
    first?.giveBack();
    first?.giveBack();
    expect(await eventuallyPlaces([two], 1)).toHaveLength(1);
    expect(await places([one, two], 4)).toEqual([]);
  });

  it("what a node had that ended is free at once", async () => {
    const [one, two] = await three(8);
    expect(await places([one], 8)).toHaveLength(8);
    expect(await places([two], 1)).toEqual([]);
    await one.places.close();
    expect(await eventuallyPlaces([two], 8)).toHaveLength(8);
  });

  it("what a node had that fell silent is free after its lease; it loses what others took, and only that", async () => {
    const [one, two, witness] = await three(8);
    const lost: number[] = [];
    for (const [n, place] of (await places([one], 8)).entries()) place.whenLost(() => lost.push(n));
    one.down = true;
    expect(await places([witness], 1)).toEqual([]);
    // Who takes the places says that it lives for the first time now: the clock jumps for everybody.
    backing.clock.advance(leaseMs + 1);
    expect(await eventuallyPlaces([two], 3)).toHaveLength(3);
    expect(lost).toEqual([]);
    one.down = false;
    await expect.poll(() => lost, { timeout: 15_000 }).toEqual([5, 6, 7]);
    expect(await places([one, two], 4)).toEqual([]);
    errors.splice(0);
  }, 30_000);

  it("a stream that was in the making while its place was lost hears of it as soon as it asks", async () => {
    const [one, two] = await three(1);
    const [place] = await places([one], 1);
    one.down = true;
    backing.clock.advance(leaseMs + 1);
    expect(await eventuallyPlaces([two], 1)).toHaveLength(1);
    one.down = false;
    await expect.poll(() => one.places.elsewhere(alice), { timeout: 15_000 }).toBe(true);
    await new Promise<void>((resolve) => place?.whenLost(resolve));
    errors.splice(0);
  }, 30_000);

  it("a place that was taken and nobody heard of is free again", async () => {
    const [one, two] = await three(2);
    await places([one], 1);
    one.losesReplies = true;
    await expect(one.places.take(alice)).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    one.losesReplies = false;
    expect(await eventuallyPlaces([two], 1)).toHaveLength(1);
    expect(await places([one, two], 2)).toEqual([]);
    errors.splice(0);
  }, 30_000);

  it("a flood beyond the limit asks the store four times a second", async () => {
    const [one, two] = await three(1);
    await places([one], 1);
    const began = performance.now();
    for (let n = 0; n < 200; n += 1) expect(await two.places.take(alice)).toBeUndefined();
    expect(two.reads).toBeLessThanOrEqual(2 * Math.ceil((performance.now() - began) / 250 + 1));
  });

  it("nothing is kept of a principal that was refused again and again", async () => {
    const [one, two] = await three(1);
    const [place] = await places([one], 1);
    const until = performance.now() + 1_500;
    while (performance.now() < until) {
      expect(await places([two], 1)).toEqual([]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(two.places.elsewhere(alice)).toBe(true);
    // What it knows of a principal it knows no more.
    await expect.poll(() => two.places.elsewhere(alice), { timeout: 5_000 }).toBe(false);
    place?.giveBack();
  });

  it("a store that does not answer is waited for no longer than a moment", async () => {
    const [one] = await three(1);
    one.hangs = true;
    await expect(one.places.take(alice)).rejects.toMatchObject({ code: expect.any(String) });
    one.hangs = false;
    await one.places.close();
    // Its signs of life were silent as well.
    errors.splice(0);
  }, 30_000);

  it("a store that is away is told as that; what is open stays, and what was asked for in vain takes no place", async () => {
    const [one, two] = await three(2);
    const [open] = await places([one], 1);
    open?.whenLost(() => errors.push("lost"));
    one.down = true;
    await expect(one.places.take(alice)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    one.down = false;
    expect(await places([two], 1)).toHaveLength(1);
    expect(await places([one, two], 2)).toEqual([]);
    errors.splice(0);
  });
});

it("a store that other processes cannot reach is asked nothing", async () => {
  const [, open] = backings[0] ?? [];
  if (open === undefined) throw new Error("there is a store in memory");
  await using backing = await open();
  const places = placesOf({ store: await backing.open(), max: 2, onError: (error) => expect(error).toBeUndefined() });
  expect(places).toBeInstanceOf(OwnPlaces);
});

/** Sharing inside of calls that count once, where the two halves of a grant come apart. */
import { describe, expect, test } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import type { Principal } from "../../security/principal.ts";
import { onceScope } from "../call-context.ts";
import { kind } from "../kind.ts";
import { servingHold } from "../open-hold.ts";
import { maxShares } from "./records.ts";

const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "test", subject: "bob", scopes: [] };
const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }) });
const open = async (backing: Backing) => await holdfast({ store: await backing.open(), kinds: [Basket], reap: false });
type Hold = Awaited<ReturnType<typeof open>>;

/** A record of alice's to share with bob, and the store's own commit, for tests that put something in its way. */
async function begin(hold: Hold) {
  const mine = hold.state(alice).basket;
  const { id } = await mine.create();
  const { store } = servingHold(hold);
  const share = async (): Promise<string> => (await mine.share(id, { with: bob, access: "read" })).grant;
  return { mine, id, store, commit: store.commit.bind(store), share };
}

async function once<T>(hold: Hold, run: () => Promise<T>): Promise<T> {
  return await servingHold(hold).withinCall({ once: onceScope("call", "") }, run);
}

describe.each(backings)("sharing in a call that counts once, on %s", (_name, makeBacking) => {
  test("gives anew what an earlier run took back, and once", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, commit, share } = await begin(hold);
    const refusal = { reason: "bounds", index: 1, counter: "count", value: maxShares, by: 1 } as const;
    const call = async (): Promise<string> => await once(hold, share);
    // As if the receiver had as many as anybody may have.
    store.commit = async (owner, changes, options) => {
      if (changes[0]?.kind === "holdfast.shared" && changes[0].create !== undefined)
        return { ok: false, at: 0, refusal };
      return await commit(owner, changes, options);
    };
    for (let n = 0; n < 2; n++) await expect(call()).rejects.toMatchObject({ code: "FORBIDDEN" });
    store.commit = commit;
    expect((await mine.grants(id)).grants).toEqual([]);
    const grant = await call();
    expect(await call()).toBe(grant);
    expect((await mine.grants(id)).grants.map((given) => given.grant)).toEqual([grant]);
    expect((await hold.state(bob).basket.get(grant)).version).toBe(1);
  });

  test("gives one grant where two runs do it, one of them paused between the halves", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, commit, share } = await begin(hold);
    const call = async (): Promise<string> => await once(hold, share);
    let wake: () => void = () => undefined;
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const paused = new Promise<void>((resolve) => {
      let first = true;
      store.commit = async (owner, changes, options) => {
        if (first && changes[0]?.kind === "holdfast.shared") {
          first = false;
          resolve();
          await asleep;
        }
        return await commit(owner, changes, options);
      };
    });
    const late = call();
    await paused;
    const grant = await call();
    wake();
    expect(await late).toBe(grant);
    store.commit = commit;
    expect((await mine.grants(id)).grants.map((given) => given.grant)).toEqual([grant]);
    expect((await hold.state(bob).basket.shared()).grants.map((received) => received.grant)).toEqual([grant]);
    expect((await hold.state(bob).basket.get(grant)).version).toBe(1);
  });

  test("counts changes through a grant in the order they were asked for, whichever way the grant is read", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { id } = await hold.state(alice).basket.create();
    const { grant } = await hold.state(alice).basket.share(id, { with: bob, access: "write" });
    const theirs = hold.state(bob).basket;
    const call = async (): Promise<readonly number[]> =>
      await once(hold, async () => {
        const counted = ["a", "b"].map((name) => theirs.increment(grant, name, 1));
        return (await Promise.all(counted)).map(({ value }) => value);
      });
    expect(await call()).toEqual([1, 1]);
    const { store } = servingHold(hold);
    const read = store.read.bind(store);
    let isFirst = true;
    store.read = async (owner, key, options) => {
      const answer = read(owner, key, options);
      // The first to ask is answered after the second, were they to ask at once.
      if (!isFirst) return await answer;
      isFirst = false;
      await answer;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return await answer;
    };
    expect(await call()).toEqual([1, 1]);
    store.read = read;
    expect(Object.fromEntries((await theirs.get(grant)).counters)).toEqual({ a: 1, b: 1 });
  });

  test.each([
    ["alone", async (_hold: Hold, share: () => Promise<string>) => await share()],
    ["in a call that counts once", once],
  ])("leaves nothing with the receiver of what was revoked between its halves, %s", async (_how, within) => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, commit, share } = await begin(hold);
    let revoked: boolean | undefined;
    store.commit = async (owner, changes, options) => {
      const isReceivers = changes[0]?.kind === "holdfast.shared" && changes[0].create !== undefined;
      if (isReceivers && revoked === undefined) {
        revoked = false;
        const [given] = (await mine.grants(id)).grants;
        revoked = await mine.revoke(given?.grant ?? "");
      }
      return await commit(owner, changes, options);
    };
    await within(hold, share);
    expect(revoked).toBe(true);
    expect((await hold.state(bob).basket.shared()).grants).toEqual([]);
  });
});

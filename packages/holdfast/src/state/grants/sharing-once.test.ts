/** Sharing inside of calls that count once, where the two halves of a grant come apart. */
import { describe, expect, test, vi } from "vitest";
import { z } from "zod";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import type { Change, Refusal } from "../../record/change.ts";
import { commitIdWindowMs } from "../../record/commit-ids.ts";
import { HoldfastError } from "../../record/errors.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import type { Store } from "../../store/contract.ts";
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

const refusal: Refusal = { reason: "bounds", index: 1, counter: "count", value: maxShares, by: 1 };

/** Whether a commit makes the receiver's half; whether it ends the giver's. */
const leadsTo = ([first]: readonly Change[]): boolean =>
  first?.kind === "holdfast.shared" && first.create !== undefined;
const takesBack = (changes: readonly Change[]): boolean =>
  changes.some(({ kind, end }) => kind === "grant" && end === true);

function signal(): { readonly given: Promise<void>; readonly give: () => void } {
  let give: () => void = () => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

/** Refuses commits, or lets the first that is to pause wait to be woken. */
function pauseAt(store: Store, decide: (changes: readonly Change[]) => Refusal | "pause" | "go") {
  const commit = store.commit.bind(store);
  const [asleep, paused] = [signal(), signal()];
  let first = true;
  store.commit = async (owner, changes, options) => {
    const decided = decide(changes);
    if (typeof decided === "object") return { ok: false, at: 0, refusal: decided };
    if (decided === "pause" && first) {
      first = false;
      paused.give();
      await asleep.given;
    }
    return await commit(owner, changes, options);
  };
  return { paused: paused.given, wake: asleep.give };
}

/** A run that found no room at the receiver, and has not said so yet. Others commit as ever. */
async function aboutToTakeBack(store: Store, call: () => Promise<string>) {
  const { commit } = store;
  const { paused, wake } = pauseAt(store, (changes) => {
    if (leadsTo(changes)) return refusal;
    return takesBack(changes) ? "pause" : "go";
  });
  const refusedRun = call();
  await paused;
  store.commit = commit;
  return { refusedRun, wake };
}

async function once<T>(hold: Hold, run: () => Promise<T>): Promise<T> {
  return await servingHold(hold).withinCall({ once: onceScope("call", "") }, run);
}

describe.each(backings)("sharing in a call that counts once, on %s", (_name, makeBacking) => {
  test("gives anew what an earlier run took back, and once", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, commit, share } = await begin(hold);
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

  test("gives one grant where two runs do it, and one of them found no room for it", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, share } = await begin(hold);
    const call = async (): Promise<string> => await once(hold, share);
    const { refusedRun, wake } = await aboutToTakeBack(store, call);
    const grant = await call();
    wake();
    expect(await refusedRun).toBe(grant);
    expect((await mine.grants(id)).grants.map((given) => given.grant)).toEqual([grant]);
    expect((await hold.state(bob).basket.get(grant)).version).toBe(1);
  });

  test("gives anew where another run took back what this one had led to", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, commit, share } = await begin(hold);
    const call = async (): Promise<string> => await once(hold, share);
    const { refusedRun, wake } = await aboutToTakeBack(store, call);
    let led = 0;
    const atSettling = pauseAt(store, (changes) => {
      if (leadsTo(changes)) led += 1;
      return led === 1 && !leadsTo(changes) ? "pause" : "go";
    });
    const ledRun = call();
    await atSettling.paused;
    wake();
    await expect(refusedRun).rejects.toMatchObject({ code: "FORBIDDEN" });
    atSettling.wake();
    const grant = await ledRun;
    store.commit = commit;
    expect((await mine.grants(id)).grants.map((given) => given.grant)).toEqual([grant]);
    expect((await hold.state(bob).basket.shared()).grants.map((received) => received.grant)).toEqual([grant]);
    expect((await hold.state(bob).basket.get(grant)).version).toBe(1);
    expect(await call()).toBe(grant);
  });

  test("gives one grant where two runs make the first half at once", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, commit, share } = await begin(hold);
    const call = async (): Promise<string> => await once(hold, share);
    const makes = (changes: readonly Change[]): boolean => changes.some(({ kind }) => kind === "grant");
    const atFirst = pauseAt(store, (changes) => (makes(changes) ? "pause" : "go"));
    const late = call();
    await atFirst.paused;
    store.commit = commit;
    const atSecond = pauseAt(store, (changes) => (leadsTo(changes) ? "pause" : "go"));
    const early = call();
    await atSecond.paused;
    atFirst.wake();
    const grant = await late;
    atSecond.wake();
    expect(await early).toBe(grant);
    expect((await mine.grants(id)).grants.map((given) => given.grant)).toEqual([grant]);
    expect((await hold.state(bob).basket.shared()).grants.map((received) => received.grant)).toEqual([grant]);
  });

  test("gives anew where another run takes back what this one has just found", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, share } = await begin(hold);
    const call = async (): Promise<string> => await once(hold, share);
    const { refusedRun, wake } = await aboutToTakeBack(store, call);
    const read = store.read.bind(store);
    store.read = async (owner, key, options) => {
      if (key.kind === "grant") {
        store.read = read;
        wake();
        await expect(refusedRun).rejects.toMatchObject({ code: "FORBIDDEN" });
      }
      return await read(owner, key, options);
    };
    const grant = await call();
    expect((await mine.grants(id)).grants.map((given) => given.grant)).toEqual([grant]);
    expect((await hold.state(bob).basket.get(grant)).version).toBe(1);
  });

  test.each([
    ["alone", async (_hold: Hold, share: () => Promise<string>) => await share()],
    ["in a call that counts once", once],
  ])("gives one grant where the store had to be asked whether it was given, %s", async (_how, within) => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, commit, share } = await begin(hold);
    // As it is answered where the first reply was lost.
    store.commit = async (owner, changes, options) => {
      const committed = await commit(owner, changes, options);
      return committed.ok ? { ...committed, replayed: true } : committed;
    };
    const grant = await within(hold, share);
    expect((await mine.grants(id)).grants.map((given) => given.grant)).toEqual([grant]);
    expect((await hold.state(bob).basket.get(grant)).version).toBe(1);
  });

  test("gives anew once nobody remembers the call", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, share } = await begin(hold);
    const grant = await once(hold, share);
    // Between the ends of the commit id and of the memo.
    backing.clock.advance(commitIdWindowMs.caller + 1_800_000);
    const another = await once(hold, share);
    expect(another).not.toBe(grant);
    expect(await once(hold, share)).toBe(another);
    expect((await mine.grants(id)).grants.map((given) => given.grant)).toEqual([another, grant]);
  });

  test.each([
    ["is taken back alone", 0, async (_hold: Hold, share: () => Promise<string>) => await share()],
    ["is kept for the repeat of a call that counts once", 1, once],
  ])("what the receiver's half failed of %s", async (_what, left, within) => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, commit, share } = await begin(hold);
    const gone = new HoldfastError("UNAVAILABLE", "the store is away");
    store.commit = async (owner, changes, options) => {
      if (leadsTo(changes)) throw gone;
      return await commit(owner, changes, options);
    };
    await expect(within(hold, share)).rejects.toBe(gone);
    store.commit = commit;
    const { grants } = await mine.grants(id);
    expect(grants).toHaveLength(left);
    const grant = await within(hold, share);
    expect([grant, ...grants.map((given) => given.grant)]).toEqual(Array.from({ length: left + 1 }, () => grant));
    expect((await hold.state(bob).basket.get(grant)).version).toBe(1);
  });

  test("looks no longer for what to give, however often it was taken back", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { store, share } = await begin(hold);
    pauseAt(store, (changes) => (leadsTo(changes) ? refusal : "go"));
    const reads = vi.spyOn(store, "read");
    const readsOfRun = async (): Promise<number> => {
      reads.mockClear();
      await expect(once(hold, share)).rejects.toMatchObject({ code: "FORBIDDEN" });
      return reads.mock.calls.length;
    };
    await readsOfRun();
    const second = await readsOfRun();
    for (let n = 0; n < 10; n++) expect(await readsOfRun()).toBe(second);
  });

  test("leaves nothing with who was forgotten while a grant of theirs was taken back", async () => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { store, share } = await begin(hold);
    const owner = ownerOfPrincipal(alice);
    const { refusedRun, wake } = await aboutToTakeBack(store, async () => await once(hold, share));
    await store.admin.erase(owner);
    wake();
    await expect(refusedRun).rejects.toMatchObject({ code: expect.any(String) });
    expect(await store.usage(owner)).toMatchObject({ records: 0, bytes: 0 });
  });

  test.each([
    ["before the first half", (changes: readonly Change[]) => changes.some(({ kind }) => kind === "grant")],
    ["between the halves", leadsTo],
  ])("gives one grant where two runs do it, one of them paused %s", async (_where, isThere) => {
    await using backing = await makeBacking();
    await using hold = await open(backing);
    const { mine, id, store, commit, share } = await begin(hold);
    const call = async (): Promise<string> => await once(hold, share);
    const { paused, wake } = pauseAt(store, (changes) => (isThere(changes) ? "pause" : "go"));
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

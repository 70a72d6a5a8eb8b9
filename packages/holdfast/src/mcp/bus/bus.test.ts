import type { ServerEvent } from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type Backing, backings } from "../../../../../test/lib/backings.ts";
import { ownerOf } from "../../record/ids.ts";
import type { Store } from "../../store/contract.ts";
import { EventBus } from "./bus.ts";
import { eventKey, eventStream, partitionOf } from "./event-record.ts";

const alice = ownerOf({ issuer: "i", subject: "alice" });
const bob = ownerOf({ issuer: "i", subject: "bob" });

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 15_000;
  while (!(await done()) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await done()).toBe(true);
}

describe.each(backings)("EventBus, on %s", (_name, open) => {
  let backing: Backing;
  let stores: Store[];
  let here: EventBus;
  let there: EventBus;
  let errors: unknown[];

  beforeEach(async () => {
    errors = [];
    backing = await open();
    stores = [await backing.open(), await backing.open()];
    [here, there] = stores.map((store) => new EventBus(store, (error) => errors.push(error))) as [EventBus, EventBus];
  });
  afterEach(async () => {
    await Promise.all([here.close(), there.close()]);
    await backing[Symbol.asyncDispose]();
    expect(errors).toEqual([]);
  });

  type Listening = { readonly heard: ServerEvent[]; readonly stop: () => void };

  async function listening(bus: EventBus, owner = alice): Promise<Listening> {
    const heard: ServerEvent[] = [];
    const stop = bus.subscribe((event) => heard.push(event), owner);
    await bus.ready(owner, { resources: true });
    return { heard, stop };
  }

  it("tells listeners here at once and once, and those elsewhere soon, in order, each event once", async () => {
    const [a, b] = [await listening(here), await listening(there)];
    for (let i = 0; i < 100; i += 1) here.notifier(i % 3 === 0 ? undefined : alice).resourceUpdated(`test://${i}`);
    expect(a.heard).toHaveLength(100);
    await until(() => b.heard.length === 100);
    // Those for one owner and those for everybody each keep their order.
    const numbers = b.heard.map((event) => (event.kind === "resource_updated" ? Number(event.uri.slice(7)) : -1));
    for (const forAll of [true, false]) {
      const some = numbers.filter((number) => (number % 3 === 0) === forAll);
      expect(some).toEqual(some.toSorted((x, y) => x - y));
    }
    expect(new Set(numbers).size).toBe(100);
    expect(a.heard).toHaveLength(100);
  });

  it("tells of one owner's resources that owner alone", async () => {
    const [a, b] = [await listening(there, alice), await listening(there, bob)];
    here.notifier(alice).resourceUpdated("basket://grüße");
    here.notifier().resourcesChanged();
    await until(() => a.heard.length === 2 && b.heard.length === 1);
    expect(a.heard).toContainEqual({ kind: "resource_updated", uri: "basket://grüße" });
    expect(b.heard).toEqual([{ kind: "resources_list_changed" }]);
  });

  it("misses nothing that is published from the moment it is ready, though others believed that nobody listens", async () => {
    for (let round = 0; round < 3; round += 1) {
      const owner = ownerOf({ issuer: "i", subject: `carol ${round}` });
      // Nobody listens, and so nothing is written, and that is remembered.
      here.notifier(owner).resourceUpdated("test://before");
      await until(async () => (await here.since(owner, 0)) === undefined);
      const { heard } = await listening(there, owner);
      here.notifier(owner).resourceUpdated("test://after");
      await until(() => heard.some((event) => event.kind === "resource_updated" && event.uri === "test://after"));
      // What was said before may still have been on its way.
      const later = heard.filter((event) => event.kind !== "resource_updated" || event.uri !== "test://before");
      expect(later).toEqual([{ kind: "resource_updated", uri: "test://after" }]);
    }
  });

  it("writes updates of resources only where somebody ever wanted them", async () => {
    const stop = there.subscribe(() => undefined, alice);
    await there.ready(alice, { resources: false });
    const head = async () => {
      const [store] = stores;
      return (await store?.events(partitionOf(alice), eventKey, eventStream, { limit: 1, order: "newest" }))?.head;
    };
    here.notifier(alice).resourceUpdated("test://1");
    here.notifier(alice).toolsChanged();
    await until(async () => (await head()) === 2);
    // What was published together is written together; alone an update is not.
    here.notifier(alice).resourceUpdated("test://2");
    here.notifier(bob).toolsChanged();
    await new Promise((resolve) => setImmediate(resolve));
    await here.close();
    expect(await head()).toBe(2);
    stop();
  });

  it("says the same twice in a row once, and long names whole", async () => {
    const { heard } = await listening(there);
    const long = `basket://${"x".repeat(5_000)}`;
    for (let i = 0; i < 5; i += 1) here.notifier(alice).resourceUpdated(long);
    here.notifier(alice).toolsChanged();
    await until(() => heard.some(({ kind }) => kind === "tools_list_changed"));
    expect(heard).toEqual([{ kind: "resource_updated", uri: long }, { kind: "tools_list_changed" }]);
  });

  it("goes on when a listener throws or leaves while it is told", async () => {
    const { heard } = await listening(here);
    here.subscribe(() => {
      throw new Error("of a listener");
    }, alice);
    const late = await listening(here);
    const stop = here.subscribe(() => stop(), alice);
    here.notifier(alice).promptsChanged();
    here.notifier(alice).promptsChanged();
    expect([heard.length, late.heard.length, errors.length]).toEqual([2, 2, 2]);
    errors.length = 0;
  });

  it("survives hints of strangers, events of later versions, and a closed store", async () => {
    const { heard } = await listening(there);
    const [store] = stores;
    for (const hint of ["", "{", "news", "news x", "wanted", "a b c"]) store?.publish("holdfast.server-events", hint);
    const data = ["[]", "{}", '["n",{"kind":"unknown"}]', '["n",{"kind":"resource_updated","uri":5}]', "null"];
    await store?.commit(alice, [{ ...eventKey, expect: "present", appends: [{ stream: eventStream, data }] }]);
    here.notifier(alice).toolsChanged();
    await until(() => heard.length > 0);
    expect(heard).toEqual([{ kind: "tools_list_changed" }]);
    await Promise.all(stores.map((each) => each.close()));
    here.notifier(alice).toolsChanged();
    there.notifier(alice).toolsChanged();
    expect(heard).toHaveLength(2);
    await Promise.all([here.close(), there.close()]);
    errors.length = 0;
  });

  it("holds nothing for who has left", async () => {
    const listeners = [await listening(here), await listening(here, bob)];
    for (const { stop } of listeners) {
      stop();
      stop();
    }
    expect(here.listeners).toBe(0);
    const { heard } = await listening(here);
    await here.close();
    here.notifier(alice).toolsChanged();
    expect([here.listeners, heard.length]).toEqual([0, 0]);
  });
});

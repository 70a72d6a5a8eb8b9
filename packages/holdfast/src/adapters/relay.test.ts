import { describe, expect, it } from "vitest";

import { type Backing, backings } from "../../../../test/lib/backings.ts";
import { poll } from "../../../../test/lib/waiting.ts";
import type { Store } from "../store/contract.ts";
import { applicationOwner } from "./application.ts";
import { Relay } from "./relay.ts";

const owner = applicationOwner("test", {});

type Node = { readonly relay: Relay; readonly heard: unknown[]; readonly own: unknown[]; readonly store: Store };

async function openNode(backing: Backing, wrap: (store: Store) => Store = (store) => store): Promise<Node> {
  const store = wrap(await backing.open());
  const [heard, own]: [unknown[], unknown[]] = [[], []];
  const relay = new Relay({
    store,
    owner,
    pollMs: 50,
    onMessage: (message, origin) => void (origin.own ? own : heard).push(message),
    onError: (error) => {
      throw error;
    },
  });
  await relay.ready();
  return { relay, heard, own, store };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe.each(backings)("a relay on %s", (_name, makeBacking) => {
  it("tells all others everything once, in one order", async () => {
    await using backing = await makeBacking();
    const nodes = [await openNode(backing), await openNode(backing), await openNode(backing)] as const;
    const [one, two, three] = nodes;
    await Promise.all([
      ...numbers(200).map((n) => one.relay.publish({ one: n })),
      ...numbers(200).map((n) => two.relay.publish({ two: n })),
    ]);
    await poll(() => (three.heard.length === 400 ? true : undefined), "everything is heard");
    await poll(() => (one.own.length + one.heard.length === 400 ? true : undefined), "by who publishes too");
    // Each publisher's in its order, and both mixed alike for all.
    expect(three.heard.filter((message) => Object.hasOwn(Object(message), "one"))).toEqual(one.own);
    expect(one.own).toEqual(numbers(200).map((n) => ({ one: n })));
    expect(two.heard).toEqual(one.own);
    expect(one.heard).toEqual(numbers(200).map((n) => ({ two: n })));
    await Promise.all(nodes.map(({ relay }) => relay.close()));
  });

  it("loses nothing where every hint is lost", async () => {
    await using backing = await makeBacking();
    const deaf = (store: Store): Store =>
      new Proxy(store, {
        get: (target, name) => {
          if (name === "publish") return () => undefined;
          if (name === "subscribe") return () => () => undefined;
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    const [one, two] = [await openNode(backing, deaf), await openNode(backing, deaf)];
    for (const n of numbers(5)) await one.relay.publish(n);
    await poll(() => (two.heard.length === 5 ? true : undefined), "they are found by looking");
    expect(two.heard).toEqual(numbers(5));
    await Promise.all([one.relay.close(), two.relay.close()]);
  });

  it("says what happened since one came, and nothing of before", async () => {
    await using backing = await makeBacking();
    const one = await openNode(backing);
    await one.relay.publish("before");
    const two = await openNode(backing);
    await one.relay.publish("after");
    await poll(() => (two.heard.length > 0 ? true : undefined), "it is heard");
    expect(two.heard).toEqual(["after"]);
    await two.relay.close();
    await two.relay.publish("too late");
    await one.relay.publish("last");
    await poll(() => (one.own.length === 3 ? true : undefined), "what is published here comes around");
    expect(one.heard).toEqual([]);
    await one.relay.close();
  });

  it("says once that its store was closed, and no more", async () => {
    await using backing = await makeBacking();
    const errors: unknown[] = [];
    const store = await backing.open();
    const onError = (error: unknown): void => void errors.push(error);
    const relay = new Relay({ store, owner, pollMs: 5, onMessage: () => undefined, onError });
    await relay.ready();
    await store.close();
    await poll(() => (errors.length > 0 ? true : undefined), "it is noticed");
    await relay.publish("to nobody");
    await relay.close();
    expect(errors).toMatchObject([{ code: "CLOSED" }]);
  });
});

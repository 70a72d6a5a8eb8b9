import type { Store } from "./contract.ts";

/** A store with some of its methods replaced; the rest are the store's own. Closing it closes the store. */
export function around(store: Store, replaced: Partial<Store>): Store {
  return {
    traits: store.traits,
    admin: store.admin,
    read: (...given) => store.read(...given),
    commit: (...given) => store.commit(...given),
    events: (...given) => store.events(...given),
    list: (...given) => store.list(...given),
    usage: (...given) => store.usage(...given),
    publish: (...given) => store.publish(...given),
    subscribe: (...given) => store.subscribe(...given),
    health: (...given) => store.health(...given),
    ...(store.figures !== undefined && { figures: () => store.figures?.() ?? {} }),
    ...(store.shed !== undefined && { shed: () => store.shed?.() }),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
    ...replaced,
  };
}

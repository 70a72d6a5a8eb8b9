import type { Owner } from "../record/record.ts";
import type { Store } from "../store/contract.ts";

/**
 * A store in which everybody is one owner: for operators who use the state API on the records of somebody whose identity
 * they do not know. The store itself stays the caller's to close.
 *
 * @example
 * import { holdfast } from "holdfast";
 *
 * const hold = await holdfast({ store: storeOfOwner(store, owner), kinds: [Basket], reap: false });
 * const { value } = await hold.state(localUser).basket.get(id);
 */
export function storeOfOwner(store: Store, owner: Owner): Store {
  const leave = async (): Promise<void> => undefined;
  return {
    traits: store.traits,
    admin: store.admin,
    read: (_owner, ...rest) => store.read(owner, ...rest),
    commit: (_owner, ...rest) => store.commit(owner, ...rest),
    events: (_owner, ...rest) => store.events(owner, ...rest),
    list: (_owner, ...rest) => store.list(owner, ...rest),
    usage: (_owner, ...rest) => store.usage(owner, ...rest),
    publish: (...given) => store.publish(...given),
    subscribe: (...given) => store.subscribe(...given),
    health: (...given) => store.health(...given),
    close: leave,
    [Symbol.asyncDispose]: leave,
  };
}

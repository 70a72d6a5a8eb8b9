import { openStore } from "./open.ts";
import type { Hold, HoldOptions } from "./state/hold.ts";
import type { AnyKind } from "./state/kind.ts";
import { OpenHold, resolveHoldOptions } from "./state/open-hold.ts";

/**
 * Opens a store with the kinds that live in it.
 *
 * A store given by URL belongs to the hold and is closed with it; a store given as an instance stays the caller's.
 * Throws `INVALID_ARGUMENT` for options that make no sense, `CONFIGURATION` for a URL that names no store, and
 * `STORE_UNSAFE` where the store's settings would break a promise.
 *
 * @example
 * const hold = await holdfast({ store: "sqlite:./state.db", kinds: [Basket] });
 * const state = hold.state(localUser);
 * const { id } = await state.basket.create();
 * await hold.close();
 */
export async function holdfast<const Kinds extends readonly AnyKind[] = readonly []>(
  options: HoldOptions<Kinds>,
): Promise<Hold<Kinds>> {
  // Before the store is opened, so that a wrong option leaves nothing behind.
  const resolved = resolveHoldOptions(options);
  const { store } = options;
  const opened = typeof store === "string" ? await openStore(store) : store;
  return new OpenHold(opened, resolved, typeof store === "string");
}

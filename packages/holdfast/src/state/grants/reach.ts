import { HoldfastError } from "../../record/errors.ts";
import type { RecordKey } from "../../record/record.ts";
import type { ReadAnswer } from "../../store/contract.ts";
import { notFound } from "../refusals.ts";
import { Scope } from "../scope.ts";
import { guardedStore } from "./guarded-store.ts";
import { isGrantHandle, keyOfPointer, pointerEnd, pointerOf } from "./records.ts";

/** A record to do something to, and through whom. */
export type Reached<Kind extends Scope = Scope> = { readonly scope: Kind; readonly key: RecordKey };

/**
 * Where a handle leads: to a record of the caller's, or by a grant to one of somebody else's. Throws `NOT_FOUND` for one that
 * leads nowhere: a grant is looked for among the caller's own records.
 */
export async function reach<Kind extends Scope>(
  scope: Kind,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Reached<Kind>> {
  if (!isGrantHandle(id)) return { scope, key: scope.keyOf(id) };
  const { engine, owner, kind } = scope;
  // Checked as any handle is: nothing else may reach the store.
  const { id: handle } = scope.keyOf(id);
  const look = (): Promise<ReadAnswer> => engine.read(owner, keyOfPointer(handle), { signal });
  const once = engine.calls.get()?.once;
  const { record } = await (once === undefined ? look() : once.inTurn(look));
  if (record === undefined) throw notFound();
  const pointer = pointerOf(record);
  if (pointer.kind !== kind.name) throw notFound();
  const store = guardedStore({
    store: engine.store,
    handle,
    pointer,
    mayBeMadeAgain: kind.scope !== "many",
    onGone: () => {
      // What remains of a grant is of no use to anybody; where it cannot go now, it goes the next time it is met.
      engine.commit(owner, pointerEnd(handle), {}).catch(() => undefined);
    },
  });
  const guest = { grant: handle, access: pointer.access };
  // The same kind of scope over the giver's records.
  const reached = new Scope(engine.through(store), pointer.owner, kind, { guest }) as Kind;
  return { scope: reached, key: { kind: kind.name, id: handle } };
}

/** Throws `FORBIDDEN` for a grant's handle: locking and sharing are the owner's. */
export function refuseGuests(id: string): void {
  if (!isGrantHandle(id)) return;
  throw new HoldfastError("FORBIDDEN", "a record that is shared with you cannot be locked or shared on; its owner can");
}

/** Everything of one principal: to be handed over, and to be forgotten. */
import type { Change } from "../record/change.ts";
import type { Owner, RecordKey } from "../record/record.ts";
import { Ended } from "../state/ended.ts";
import { givenEnd, grantKind, lapsedEnd, pointerEnd, sharedKind } from "../state/grants/records.ts";
import { transportKind } from "../state/sessions/connection.ts";
import { sessionKind } from "../state/sessions/definition.ts";
import type { AccountPage, CallOptions, RecordDump, Store } from "../store/contract.ts";
import { ownerOfIdentity } from "./owner.ts";
import { accountPages, everyRecord } from "./walk.ts";

export type OwnerPart =
  | { readonly part: "record"; readonly dump: RecordDump }
  | { readonly part: "account"; readonly page: AccountPage };

/**
 * Everything that is kept of an owner, as it is: records of every kind and state with all of their events, in the order they
 * were created (sessions, connections, locks, and grants given and received among them), then the floors and the
 * remembered commit ids. What is written meanwhile may be missing.
 */
export async function* exportOwner(
  store: Store,
  owner: Owner,
  { signal }: CallOptions = {},
): AsyncGenerator<OwnerPart> {
  for await (const { kind, id } of everyRecord(store, { owner, signal })) {
    const dump = await store.admin.export(owner, { kind, id }, { signal });
    if (dump !== undefined) yield { part: "record", dump };
  }
  for await (const page of accountPages(store, owner, { signal })) yield { part: "account", page };
}

export type Forgotten = {
  /** Records that were erased. */
  readonly records: number;
  /** Grants given to others and received from others, that ended with it. */
  readonly grants: number;
};

/** Rounds in which somebody may still be writing. */
const maxRounds = 10;

/**
 * Erases everything of an owner for good, and ends what others have of it: grants in both directions. What is left is the
 * floor of its versions. Sessions that are being served are refused from then on. Events that it caused in records
 * of others stay theirs.
 *
 * Whoever is still served may make new records meanwhile: forget again where that cannot be ruled out.
 */
export async function forgetOwner(store: Store, owner: Owner, { signal }: CallOptions = {}): Promise<Forgotten> {
  const grants = await endGrants(store, owner, signal);
  const sessions: string[] = [];
  for await (const { id } of everyRecord(store, { owner, kind: sessionKind, signal })) sessions.push(id);
  let records = 0;
  for (let round = 1; round <= maxRounds; round++) {
    const erased = await store.admin.erase(owner, { signal });
    records += erased;
    if (erased === 0) break;
  }
  const ended = new Ended(store, () => undefined);
  for (const id of sessions) {
    for (const kind of [sessionKind, transportKind]) ended.announce(owner, { kind, id }, "ended", true);
  }
  ended.close();
  return { records, grants };
}

/**
 * Ends the halves of grants that lie with others; the other halves are erased. Those that have lapsed and were not reaped yet
 * still say whose they were, so they make way for what says nothing.
 */
async function endGrants(store: Store, owner: Owner, signal: AbortSignal | undefined): Promise<number> {
  let ended = 0;
  const end = async (other: Owner, changes: readonly Change[], { kind, id }: RecordKey): Promise<void> => {
    if ((await store.commit(other, changes, { signal })).ok) ended += 1;
    else await store.commit(other, lapsedEnd({ kind, id }), { signal });
  };
  for await (const { owner: receiver, kind, id, fields } of everyRecord(store, { kind: sharedKind, signal })) {
    if (fields["giver"] === owner) await end(receiver, pointerEnd(id), { kind, id });
  }
  for await (const { owner: giver, kind, id, fields } of everyRecord(store, { kind: grantKind, signal })) {
    const { issuer, subject } = fields;
    if (typeof issuer !== "string" || typeof subject !== "string") continue;
    if (ownerOfIdentity({ issuer, subject }) === owner) await end(giver, givenEnd(id), { kind, id });
  }
  return ended;
}

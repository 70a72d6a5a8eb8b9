/** Everything of one principal: to be handed over, and to be forgotten. */
import type { Change } from "../record/change.ts";
import { refuseUnknownNames } from "../record/option-names.ts";
import type { Owner, RecordKey } from "../record/record.ts";
import { Ended } from "../state/ended.ts";
import { givenEnd, grantKind, lapsedEnd, pointerEnd, sharedKind } from "../state/grants/records.ts";
import { transportKind } from "../state/sessions/connection.ts";
import { sessionKind } from "../state/sessions/definition.ts";
import type { AccountPage, CallOptions, RecordDump, Store } from "../store/contract.ts";
import { ownerOfIdentity } from "./owner.ts";
import { accountPages, everyRecord } from "./walk.ts";

/** A part of what is kept of an owner, as `exportOwner()` yields them. */
export type OwnerPart =
  | { readonly part: "record"; readonly dump: RecordDump }
  | { readonly part: "account"; readonly page: AccountPage };

/**
 * Everything that is kept of an owner, as it is: records of every kind and state with all of their events, in the order they
 * were created (sessions, connections, locks, and grants given and received among them), then the floors and the
 * remembered commit ids. What is written meanwhile may be missing.
 *
 * @example
 * const store = await openStore("sqlite:./state.db");
 * const alice = ownerOfIdentity({ issuer: "https://id.example.com", subject: "alice" });
 * for await (const part of exportOwner(store, alice)) console.log(part);
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

/** What `forgetOwner()` erased. */
export type Forgotten = {
  /** Records that were erased. */
  readonly records: number;
  /** Grants given to others and received from others, that ended with it. */
  readonly grants: number;
};

/** How to hear of the progress, and to stop: what is gone by then stays gone, and a repeat goes on. */
export type ForgetOptions = CallOptions & {
  readonly onProgress?: ((progress: ForgetProgress) => void) | undefined;
};

/** How far `forgetOwner()` is: it looks through all grants, then erases. */
export type ForgetProgress =
  | {
      /** Grants of everybody are looked through first. How many there are nobody knows beforehand. */
      readonly phase: "looking";
      readonly grants: number;
    }
  | {
      readonly phase: "erasing";
      readonly records: number;
      /** What the owner had when this began, or more where somebody still writes. */
      readonly of: number;
    };

/** Rounds in which somebody may still be writing. */
const maxRounds = 10;
/** Records erased at a time: others have their turn in between, and progress is told. */
const part = 500;
const known = ["onProgress", "signal"];

/**
 * Erases everything of an owner for good, and ends what others have of it: grants in both directions. What is left is the
 * floor of its versions. Sessions that are being served are refused from then on. Events that it caused in records
 * of others stay theirs.
 *
 * Whoever is still served may make new records meanwhile: forget again where that cannot be ruled out. An abort ends it
 * between two parts, `ABORTED`: what was erased stays erased, and forgetting again erases the rest.
 *
 * @example
 * const store = await openStore("sqlite:./state.db");
 * const alice = ownerOfIdentity({ issuer: "https://id.example.com", subject: "alice" });
 * const { records } = await forgetOwner(store, alice);
 */
export async function forgetOwner(store: Store, owner: Owner, options: ForgetOptions = {}): Promise<Forgotten> {
  refuseUnknownNames("forgetOwner", options, known);
  const { signal, onProgress } = options;
  const grants = await endGrants(store, owner, options);
  const sessions: string[] = [];
  let of = 0;
  for await (const { kind, id } of everyRecord(store, { owner, signal })) {
    of += 1;
    if (kind === sessionKind) sessions.push(id);
  }
  let records = 0;
  try {
    for (let round = 1; round <= maxRounds; ) {
      const erased = await store.admin.erase(owner, { limit: part, signal });
      records += erased;
      onProgress?.({ phase: "erasing", records, of: Math.max(of, records) });
      if (erased === 0) break;
      if (erased !== part) round += 1;
    }
  } finally {
    announceEnds(store, owner, sessions);
  }
  return { records, grants };
}

/** Whoever serves one of these looks at once whether it is still there. */
function announceEnds(store: Store, owner: Owner, sessions: readonly string[]): void {
  const ended = new Ended(store, () => undefined);
  for (const id of sessions) {
    for (const kind of [sessionKind, transportKind]) ended.announce(owner, { kind, id }, "ended", true);
  }
  ended.close();
}

/**
 * Ends the halves of grants that lie with others; the other halves are erased. Those that have lapsed and were not reaped yet
 * still say whose they were, so they make way for what says nothing.
 */
async function endGrants(store: Store, owner: Owner, { signal, onProgress }: ForgetOptions): Promise<number> {
  let ended = 0;
  let looked = 0;
  const look = (): void => {
    looked += 1;
    onProgress?.({ phase: "looking", grants: looked });
  };
  onProgress?.({ phase: "looking", grants: 0 });
  const end = async (other: Owner, changes: readonly Change[], { kind, id }: RecordKey): Promise<void> => {
    if ((await store.commit(other, changes, { signal })).ok) ended += 1;
    else await store.commit(other, lapsedEnd({ kind, id }), { signal });
  };
  for await (const { owner: receiver, kind, id, fields } of everyRecord(store, { kind: sharedKind, signal })) {
    look();
    if (fields["giver"] === owner) await end(receiver, pointerEnd(id), { kind, id });
  }
  for await (const { owner: giver, kind, id, fields } of everyRecord(store, { kind: grantKind, signal })) {
    look();
    const { issuer, subject } = fields;
    if (typeof issuer !== "string" || typeof subject !== "string") continue;
    if (ownerOfIdentity({ issuer, subject }) === owner) await end(giver, givenEnd(id), { kind, id });
  }
  return ended;
}

/**
 * A grant is two records of one id:
 *
 * - the giver's, of kind `grant`, which decides: while it lives the grant stands, and a commit made through the grant is
 *   fenced with it. It counts as one of the giver's records.
 * - the receiver's, of kind `holdfast.shared`, which leads to it. So a grant is looked for among the caller's own records,
 *   and whoever else presents it finds what anybody finds under an id that never was: nothing.
 *
 * The giver's is made first and ended first. What remains of the other leads nowhere, and goes when it is met.
 */
import type { Change } from "../../record/change.ts";
import type { IndexedFields, Lifetime, Owner, RecordKey, StoredRecord, Version } from "../../record/record.ts";
import { parseStored } from "../json.ts";
import type { Access } from "./types.ts";

export const grantKind = "grant";
export const grantPrefix = "grt";
export const sharedKind = "holdfast.shared";
/** Counts what a principal was given, so that nobody can bury another under grants. Those that lapse are not taken off: `recountShares`. */
export const sharesKey: RecordKey = { kind: "holdfast.shares", id: "all" };
export const sharesCounter = "count";
export const maxShares = 1_000;

export function isGrantHandle(id: unknown): id is string {
  return typeof id === "string" && id.startsWith(`${grantPrefix}_`);
}

/** What a grant is of. */
export type Granted = {
  readonly kind: string;
  readonly id: string;
  /** The record's, so that a later record of the same name is not shared with it. */
  readonly incarnation: Version;
  readonly access: Access;
};

/** What the receiver's record says. */
export type Pointer = Granted & {
  readonly owner: Owner;
  /** The version of the giver's record, at which it stands or falls. */
  readonly token: Version;
};

/** What the giver's record says. */
export type GivenGrant = Granted & { readonly receiver: Owner };

export function givenCreation(id: string, grant: GivenGrant, fields: IndexedFields, lifetime: Lifetime): Change {
  return { kind: grantKind, id, expect: "absent", create: { text: JSON.stringify(grant), fields, lifetime } };
}

/** What makes the receiver's record. Refused by bounds where there are too many. */
export function pointerCreation(id: string, pointer: Pointer, lifetime: Lifetime): readonly Change[] {
  const { kind, access } = pointer;
  const create = { text: JSON.stringify(pointer), fields: { kind, access, giver: pointer.owner }, lifetime };
  return [
    { kind: sharedKind, id, expect: "absent", create },
    {
      ...sharesKey,
      expect: "any",
      create: { text: "null", lifetime: {} },
      counters: [{ name: sharesCounter, by: 1, max: maxShares }],
    },
  ];
}

/** What remains of an ended grant until it is reaped names nobody. */
const ending: Pick<Change, "document" | "end"> = { document: { text: "{}", fields: {} }, end: true };

export function givenEnd(id: string): readonly Change[] {
  return [{ kind: grantKind, id, expect: "present", ...ending }];
}

/** What ends the receiver's record, and counts it no more. */
export function pointerEnd(id: string): readonly Change[] {
  return [
    { kind: sharedKind, id, expect: "present", ...ending },
    { ...sharesKey, expect: "present", counters: [{ name: sharesCounter, by: -1 }] },
  ];
}

/** Puts what names nobody in the place of either half once it has lapsed. Its pointers lead to another incarnation: nowhere. */
export function lapsedEnd(key: RecordKey): readonly Change[] {
  return [{ ...key, expect: "absent", create: { text: "{}", fields: {}, lifetime: {} }, end: true }];
}

export function keyOfGiven(id: string): RecordKey {
  return { kind: grantKind, id };
}

export function keyOfPointer(id: string): RecordKey {
  return { kind: sharedKind, id };
}

export function pointerOf({ document }: StoredRecord): Pointer {
  // Written by `pointerCreation`; no caller can write records of this kind.
  return parseStored(document, "a shared record's pointer") as Pointer;
}

export function givenOf({ document }: StoredRecord): GivenGrant {
  // Written by `givenCreation`; no caller can write records of this kind.
  return parseStored(document, "a grant") as GivenGrant;
}

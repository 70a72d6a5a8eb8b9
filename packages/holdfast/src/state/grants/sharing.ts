import { HoldfastError } from "../../record/errors.ts";
import { mintId } from "../../record/ids.ts";
import type { Lifetime, RecordSummary } from "../../record/record.ts";
import { ownerOfPrincipal } from "../../security/principal.ts";
import { firstResult } from "../applied.ts";
import { durationMs } from "../duration.ts";
import { checkedLimit } from "../listing.ts";
import { checkCall, checkList, checkShare } from "../method-options.ts";
import { invalid, notFound, refusalError } from "../refusals.ts";
import type { Scope } from "../scope.ts";
import type { CallOptions, ListQuery } from "../types.ts";
import { refuseGuests } from "./reach.ts";
import {
  type Granted,
  givenCreation,
  givenEnd,
  givenOf,
  grantKind,
  grantPrefix,
  isGrantHandle,
  keyOfGiven,
  keyOfPointer,
  maxShares,
  pointerCreation,
  pointerEnd,
  pointerOf,
  sharedKind,
} from "./records.ts";
import { recountShares } from "./recount.ts";
import type { Access, Grant, GrantList, ReceivedGrant, ReceivedGrantList, ShareOptions } from "./types.ts";

/** The giver's side. */
export async function shareRecord(scope: Scope, id: string, options: ShareOptions): Promise<Grant> {
  checkShare("share", options);
  const { engine, owner, kind } = scope;
  const { with: receiver, access, expires, signal } = options;
  refuseGuests(id);
  if (access !== "read" && access !== "write") throw invalid('access is "read" or "write"');
  const receiverOwner = ownerOfPrincipal({ ...receiver, scopes: [] });
  if (receiverOwner === owner) throw invalid("a record cannot be shared with its own principal");
  const lifetime: Lifetime = expires === undefined ? {} : { absoluteMs: durationMs(expires, "expires") };
  const key = scope.keyOf(id);
  const { record } = await engine.read(owner, key, { signal });
  if (record === undefined) throw notFound();

  const grant = mintId(grantPrefix);
  const granted: Granted = { kind: kind.name, id, incarnation: record.incarnation, access };
  const { issuer, subject } = receiver;
  const given = givenCreation(
    grant,
    { ...granted, receiver: receiverOwner },
    { kind: kind.name, record: id, issuer, subject, access },
    lifetime,
  );
  const quota = { records: engine.limits.maxRecords, bytes: engine.limits.maxBytes };
  // Made only while the record is there: who shares sees a record that has just ended as ended.
  const applied = await engine.apply(owner, [given, { ...key, expect: "present", slide: true }], { quota, signal });
  const { version: token, expiresAt } = firstResult(applied);
  const pointer = pointerCreation(grant, { ...granted, owner, token }, lifetime);
  try {
    // Whatever the receiver has besides is nothing the giver may learn of, so no quota of the receiver is asked.
    let committed = await engine.commit(receiverOwner, pointer, { signal });
    if (!committed.ok && committed.refusal.reason === "bounds") {
      await recountShares(engine, receiverOwner, { signal });
      committed = await engine.commit(receiverOwner, pointer, { signal });
    }
    if (!committed.ok) {
      throw committed.refusal.reason === "bounds"
        ? new HoldfastError(
            "FORBIDDEN",
            `this principal was given ${maxShares} grants already, the most anybody may have`,
          )
        : refusalError(committed.refusal);
    }
  } catch (error) {
    // A grant that nobody can use: if it cannot be taken back now, it is found among those that were given.
    await engine.commit(owner, givenEnd(grant), {}).catch(() => undefined);
    throw error;
  }
  return { grant, with: { issuer, subject }, access, ...times(applied.at, expiresAt) };
}

/** Either side's. The giver's record goes first: from then on the grant is refused. */
export async function revokeGrant(scope: Scope, grant: string, options: CallOptions): Promise<boolean> {
  checkCall("revoke", options);
  const { signal } = options;
  const { engine, owner, kind } = scope;
  if (!isGrantHandle(grant)) return false;
  const key = scope.keyIfWellFormed(grant);
  if (key === undefined) return false;
  const { record: given } = await engine.read(owner, keyOfGiven(grant), { signal });
  if (given !== undefined) {
    const { kind: of, receiver } = givenOf(given);
    if (of !== kind.name) return false;
    const ended = await engine.commit(owner, givenEnd(grant), { signal });
    await engine.commit(receiver, pointerEnd(grant), {}).catch(engine.onError);
    return ended.ok;
  }
  const { record } = await engine.read(owner, keyOfPointer(grant), { signal });
  if (record === undefined) return false;
  const pointer = pointerOf(record);
  if (pointer.kind !== kind.name) return false;
  await engine.commit(pointer.owner, givenEnd(grant), { signal });
  return (await engine.commit(owner, pointerEnd(grant), { signal })).ok;
}

/** What was given of a record. */
export async function grantsOf(scope: Scope, id: string, query: ListQuery): Promise<GrantList> {
  checkList("grants", query);
  const { kind, id: record } = scope.keyOf(id);
  const page = await scope.engine.list(scope.owner, grantKind, { ...paging(query), where: { kind, record } });
  return { grants: page.records.map(givenView), ...(page.next !== undefined && { next: page.next }) };
}

/** What was received of a kind. */
export async function sharedWith({ engine, owner, kind }: Scope, query: ListQuery): Promise<ReceivedGrantList> {
  checkList("shared", query);
  const page = await engine.list(owner, sharedKind, { ...paging(query), where: { kind: kind.name } });
  return { grants: page.records.map(receivedView), ...(page.next !== undefined && { next: page.next }) };
}

function paging({ after, limit, signal }: ListQuery): ListQuery & { readonly limit: number; readonly order: "newest" } {
  return {
    ...(after !== undefined && { after }),
    ...(signal && { signal }),
    limit: checkedLimit(limit),
    order: "newest",
  };
}

function givenView(record: RecordSummary): Grant {
  const { issuer, subject } = record.fields;
  return { ...receivedView(record), with: { issuer: String(issuer), subject: String(subject) } };
}

function receivedView({ id, fields, createdAt, expiresAt }: RecordSummary): ReceivedGrant {
  // Written by `givenCreation` and `pointerCreation`.
  return { grant: id, access: fields["access"] as Access, ...times(createdAt, expiresAt) };
}

function times(createdAt: number, expiresAt: number | undefined): Pick<Grant, "createdAt" | "expiresAt"> {
  return { createdAt: new Date(createdAt), ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }) };
}

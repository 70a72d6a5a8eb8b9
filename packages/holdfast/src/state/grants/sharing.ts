import type { Lifetime, Owner, RecordSummary } from "../../record/record.ts";
import { ownerOfPrincipal } from "../../security/principal.ts";
import { durationMs } from "../duration.ts";
import { commitIdIn } from "../idempotency.ts";
import { checkedLimit } from "../listing.ts";
import { checkCall, checkList, checkShare } from "../method-options.ts";
import { rememberedStep, remembering } from "../once/steps.ts";
import { invalid } from "../refusals.ts";
import type { Scope } from "../scope.ts";
import type { CallOptions, ListQuery } from "../types.ts";
import { giveGrant } from "./giving.ts";
import type { Asked } from "./leading.ts";
import { refuseGuests } from "./reach.ts";
import {
  givenEnd,
  givenOf,
  grantKind,
  isGrantHandle,
  keyOfGiven,
  keyOfPointer,
  pointerEnd,
  pointerOf,
  sharedKind,
} from "./records.ts";
import type { Access, Grant, GrantList, ReceivedGrant, ReceivedGrantList, ShareOptions } from "./types.ts";

/** The giver's side. */
export async function shareRecord(scope: Scope, id: string, options: ShareOptions): Promise<Grant> {
  checkShare("share", options);
  const { engine, owner } = scope;
  const { with: receiver, access, expires, signal } = options;
  refuseGuests(id);
  if (access !== "read" && access !== "write") throw invalid('access is "read" or "write"');
  const receiverOwner = ownerOfPrincipal({ ...receiver, scopes: [] });
  if (receiverOwner === owner) throw invalid("a record cannot be shared with its own principal");
  const lifetime: Lifetime = expires === undefined ? {} : { absoluteMs: durationMs(expires, "expires") };
  const { issuer, subject } = receiver;
  const key = scope.keyOf(id);
  const commitId = commitIdIn(engine, { ...key, name: "share" }, undefined, () => {
    return { issuer, subject, access, expires };
  });
  const asked: Asked = { key, receiver: receiverOwner, issuer, subject, access, lifetime, signal };
  const given = await giveGrant(scope, asked, commitId);
  return { grant: given.grant, with: { issuer, subject }, access, ...times(given.at, given.expiresAt) };
}

/** Either side's. The giver's record goes first: from then on the grant is refused. */
export async function revokeGrant(scope: Scope, grant: string, options: CallOptions): Promise<boolean> {
  checkCall("revoke", options);
  const { signal } = options;
  const { engine, owner, kind } = scope;
  if (!isGrantHandle(grant)) return false;
  const key = scope.keyIfWellFormed(grant);
  if (key === undefined) return false;
  const commitId = commitIdIn(engine, { ...key, name: "revoke" }, undefined, () => null);
  const { record: given, outcome } = await engine.read(owner, keyOfGiven(grant), { signal, commitId: commitId?.id });
  if (outcome !== undefined) {
    const step = await rememberedStep(engine, owner, commitId, signal);
    // Written below: the receiver's half may have been left.
    const { receiver } = (step?.said ?? {}) as { readonly receiver?: Owner };
    if (receiver !== undefined) await engine.commit(receiver, pointerEnd(grant), {}).catch(engine.onError);
    return true;
  }
  if (given !== undefined) {
    const { kind: of, receiver } = givenOf(given);
    if (of !== kind.name) return false;
    const step = remembering(engine, commitId, { said: { receiver } });
    const ended = await engine.commit(owner, [...givenEnd(grant), ...step], { commitId, signal });
    await engine.commit(receiver, pointerEnd(grant), {}).catch(engine.onError);
    return ended.ok;
  }
  const { record } = await engine.read(owner, keyOfPointer(grant), { signal });
  if (record === undefined) return false;
  const pointer = pointerOf(record);
  if (pointer.kind !== kind.name) return false;
  await engine.commit(pointer.owner, givenEnd(grant), { signal });
  return (await engine.commit(owner, pointerEnd(grant), { commitId, signal })).ok;
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

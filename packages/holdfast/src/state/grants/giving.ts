/**
 * A grant is made in two commits, for its halves belong to two owners:
 *
 *     giver:     the grant, with a memo of its handle ──> receiver: what leads to it
 *                                                          │ refused: they have too many
 *                giver: the grant ended, the memo emptied <┘
 *
 * Then the giver's half is looked at once more: who revoked the grant meanwhile could not end what was not there yet.
 *
 * Inside a call that counts once the first of them has a commit id, and whoever runs the call again goes on from where it was
 * cut off. The receiver's half needs none: its id is the grant's, and it is there or it is not.
 */
import { HoldfastError } from "../../record/errors.ts";
import { mintId } from "../../record/ids.ts";
import type { Lifetime, Owner, RecordKey, Version } from "../../record/record.ts";
import type { CommitId, CommitOutcome } from "../../store/contract.ts";
import { checkSameIntent } from "../idempotency.ts";
import { memoOf, memorized, memorizing } from "../memo.ts";
import { notFound, refusalError } from "../refusals.ts";
import type { Scope } from "../scope.ts";
import {
  type Granted,
  givenCreation,
  givenEnd,
  grantPrefix,
  keyOfGiven,
  maxShares,
  pointerCreation,
  pointerEnd,
} from "./records.ts";
import { recountShares } from "./recount.ts";
import type { Access } from "./types.ts";

export type Asked = {
  readonly key: RecordKey;
  readonly receiver: Owner;
  readonly issuer: string;
  readonly subject: string;
  readonly access: Access;
  readonly lifetime: Lifetime;
  readonly signal: AbortSignal | undefined;
};

/** The giver's half, made now or by an earlier run of the call. */
export type Given = {
  readonly grant: string;
  /** Whether somebody has ended it since an earlier run of the call gave it. */
  readonly isRevoked: boolean;
  readonly at: number;
  readonly token: Version;
  readonly expiresAt: number | undefined;
  /** Of the record that is shared. */
  readonly incarnation: Version;
  /** What the grant was committed under, where the call it is made in counts once. */
  readonly commitId: CommitId | undefined;
};

/** Makes the giver's half. Throws `NOT_FOUND` unless the record is there. */
export async function give(scope: Scope, asked: Asked, commitId: CommitId | undefined): Promise<Given> {
  if (commitId === undefined) return await giveNow(scope, asked, undefined);
  // What an earlier run took back, nobody was given: the next one gives anew, under an id of its own.
  for (let times = 1; ; times++) {
    const id = times === 1 ? commitId.id : `${commitId.id}-${times}`;
    const given = await giveOnce(scope, asked, { ...commitId, id });
    if (given !== undefined) return given;
  }
}

/** Undefined where this was given once and taken back. */
async function giveOnce(scope: Scope, asked: Asked, commitId: CommitId): Promise<Given | undefined> {
  const memo = await scope.engine.read(scope.owner, memoOf(commitId), { commitId: commitId.id, signal: asked.signal });
  if (memo.outcome === undefined) return await giveNow(scope, asked, commitId);
  checkSameIntent(commitId, memo.outcome);
  return await givenBefore(scope, asked, commitId, memo.outcome, memorized(memo));
}

async function giveNow(scope: Scope, asked: Asked, commitId: CommitId): Promise<Given | undefined>;
async function giveNow(scope: Scope, asked: Asked, commitId: undefined): Promise<Given>;
async function giveNow(scope: Scope, asked: Asked, commitId: CommitId | undefined): Promise<Given | undefined> {
  const { engine, owner } = scope;
  const { key, access, receiver, issuer, subject, lifetime, signal } = asked;
  const { record } = await engine.read(owner, key, { signal });
  if (record === undefined) throw notFound();
  const grant = mintId(grantPrefix);
  const granted: Granted = { kind: key.kind, id: key.id, incarnation: record.incarnation, access };
  const fields = { kind: key.kind, record: key.id, issuer, subject, access };
  const changes = [
    givenCreation(grant, { ...granted, receiver }, fields, lifetime),
    // Made only while the record is there: who shares sees a record that has just ended as ended.
    { ...key, expect: "present", slide: true } as const,
    ...memorizing(commitId, grant),
  ];
  const quota = { records: engine.limits.maxRecords, bytes: engine.limits.maxBytes };
  const applied = await engine.apply(owner, changes, { commitId, quota, signal });
  if (!applied.replayed || commitId === undefined) return givenOf(applied, grant, false, commitId);
  const memo = await engine.read(owner, memoOf(commitId), { signal });
  return await givenBefore(scope, asked, commitId, applied, memorized(memo));
}

async function givenBefore(
  { engine, owner }: Scope,
  { signal }: Asked,
  commitId: CommitId,
  outcome: Pick<CommitOutcome, "at" | "results">,
  grant: string | null,
): Promise<Given | undefined> {
  if (grant === null) return undefined;
  const { record } = await engine.read(owner, keyOfGiven(grant), { signal });
  return givenOf(outcome, grant, record === undefined, commitId);
}

function givenOf(
  { at, results: [made, shared] }: Pick<CommitOutcome, "at" | "results">,
  grant: string,
  isRevoked: boolean,
  commitId: CommitId | undefined,
): Given {
  if (made === undefined || shared === undefined) {
    throw new HoldfastError("STORE_CORRUPT", "the store remembered a grant without its results");
  }
  const { version: token, expiresAt } = made;
  return { grant, isRevoked, at, token, expiresAt, incarnation: shared.incarnation, commitId };
}

/** Makes the receiver's half, unless an earlier run has. What cannot be used is taken back. */
export async function lead(scope: Scope, asked: Asked, given: Given): Promise<void> {
  const { engine, owner } = scope;
  const { key, receiver, access, lifetime, signal } = asked;
  const { grant, token, incarnation, commitId } = given;
  const granted: Granted = { kind: key.kind, id: key.id, incarnation, access };
  const pointer = pointerCreation(grant, { ...granted, owner, token }, lifetime);
  const takeBack = async (): Promise<void> => {
    // If it cannot be taken back now, it is found among those that were given.
    await engine.commit(owner, [...givenEnd(grant), ...memorizing(commitId, null)], {}).catch(() => undefined);
  };
  // Whatever the receiver has besides is nothing the giver may learn of, so no quota of the receiver is asked.
  const make = async (): Promise<HoldfastError | undefined> => {
    const committed = await engine.commit(receiver, pointer, { signal });
    if (committed.ok) return undefined;
    const { refusal } = committed;
    // A grant's id is never made twice: what is there was made by another run of the call.
    if (refusal.reason === "version" && refusal.index === 0) return undefined;
    return refusal.reason === "bounds" ? tooMany() : refusalError(refusal);
  };
  let refused: HoldfastError | undefined;
  try {
    refused = await make();
    if (refused?.code === "FORBIDDEN") {
      await recountShares(engine, receiver, { signal });
      refused = await make();
    }
  } catch (error) {
    // Where the call counts once, its repeat goes on from here, and another run of it may have made this half.
    if (commitId === undefined) await takeBack();
    throw error;
  }
  if (refused === undefined) return await endIfRevoked(scope, receiver, grant);
  await takeBack();
  throw refused;
}

/** Who revokes a grant between its halves finds nothing at the receiver yet. */
async function endIfRevoked({ engine, owner }: Scope, receiver: Owner, grant: string): Promise<void> {
  try {
    const { record } = await engine.read(owner, keyOfGiven(grant), {});
    if (record === undefined) await engine.commit(receiver, pointerEnd(grant), {});
  } catch (error) {
    // What is left is a pointer to nothing, which goes when it is met.
    engine.onError(error);
  }
}

function tooMany(): HoldfastError {
  return new HoldfastError(
    "FORBIDDEN",
    `this principal was given ${maxShares} grants already, the most anybody may have`,
  );
}

/**
 * A grant is made in two commits, for its halves belong to two owners:
 *
 *     giver:     the grant ──> receiver: what leads to it ──> giver: is the grant there still?
 *                               │ refused: they have too many
 *                giver: the grant ended, taken back
 *
 * The last look is for who revoked the grant meanwhile, and could not end what was not there yet.
 *
 * Inside a call that counts once the first of them has a commit id and a memo, and whoever runs the call again goes on from
 * where it was cut off. The receiver's half needs none: its id is the grant's, and it is there or it is not. Whether the grant
 * was led to in the end, or taken back, is decided by who changes the memo first, so that of two runs at once none answers
 * with what the other took back.
 */
import { HoldfastError } from "../../record/errors.ts";
import { mintId } from "../../record/ids.ts";
import type { Version } from "../../record/record.ts";
import type { CommitId, CommitOutcome } from "../../store/contract.ts";
import { checkSameIntent } from "../idempotency.ts";
import { contention, notFound, refusalError } from "../refusals.ts";
import type { Scope } from "../scope.ts";
import { commitIdOfGiving, type GivingMemo, memoChange, readMemo } from "./giving-memo.ts";
import { type Asked, type Given, lead } from "./leading.ts";
import { type Granted, givenCreation, grantPrefix, keyOfGiven } from "./records.ts";

/** Runs of one call that come between each other's steps, before one of them gives up. */
const maxRounds = 8;

/**
 * Makes both halves. Throws `NOT_FOUND` unless the record is there, `FORBIDDEN` where the receiver has too many. What an
 * earlier run took back, nobody was given: the next one gives anew.
 */
export async function giveGrant(scope: Scope, asked: Asked, commitId: CommitId | undefined): Promise<Given> {
  for (let round = 1; round <= maxRounds; round++) {
    const given = await give(scope, asked, commitId);
    if (given !== undefined && (given.isSettled || (await lead(scope, asked, given)))) return given;
  }
  throw contention("the same call shares the same record elsewhere", {});
}

/** Settled is what an earlier run led to, or somebody has revoked since it was given. */
type Giving = Given & { readonly isSettled: boolean };

/** Undefined where another run of the call came between. */
async function give(scope: Scope, asked: Asked, commitId: CommitId | undefined): Promise<Giving | undefined> {
  if (commitId === undefined) return await giveNow(scope, asked, undefined);
  const { engine, owner } = scope;
  const { signal } = asked;
  const { memo, outcome: first } = await readMemo(engine, owner, commitId, 1, signal);
  if (first !== undefined) checkSameIntent(commitId, first);
  if (memo === undefined) {
    if (first !== undefined) throw notFound();
    return await giveNow(scope, asked, { commitId, times: 1, expect: "absent" });
  }
  const anew = { commitId, times: memo.times + 1, expect: memo.version };
  if (memo.stage === "taken back") return await giveNow(scope, asked, anew);
  const { outcome } =
    memo.times === 1 ? { outcome: first } : await readMemo(engine, owner, commitId, memo.times, signal);
  // Memos outlive commit ids a little.
  if (outcome === undefined) return await giveNow(scope, asked, anew);
  if (memo.stage === "led") return { ...givenOf(outcome, memo.grant, memo), isSettled: true };
  const { record } = await engine.read(owner, keyOfGiven(memo.grant), { signal });
  if (record !== undefined) return { ...givenOf(outcome, memo.grant, memo), isSettled: false };
  // Revoked, unless it was taken back, which changes the memo.
  const { memo: still } = await readMemo(engine, owner, commitId, 1, signal);
  return still?.version === memo.version ? { ...givenOf(outcome, memo.grant, memo), isSettled: true } : undefined;
}

type Next = { readonly commitId: CommitId; readonly times: number; readonly expect: Version | "absent" };

async function giveNow(scope: Scope, asked: Asked, next: Next | undefined): Promise<Giving | undefined> {
  const { engine, owner } = scope;
  const { key, access, receiver, issuer, subject, lifetime, signal } = asked;
  const { record } = await engine.read(owner, key, { signal });
  if (record === undefined) throw notFound();
  const grant = mintId(grantPrefix);
  const granted: Granted = { kind: key.kind, id: key.id, incarnation: record.incarnation, access };
  const fields = { kind: key.kind, record: key.id, issuer, subject, access };
  const stored = { grant, stage: "given", times: next?.times ?? 1 } as const;
  const changes = [
    givenCreation(grant, { ...granted, receiver }, fields, lifetime),
    // Made only while the record is there: who shares sees a record that has just ended as ended.
    { ...key, expect: "present", slide: true } as const,
    ...(next === undefined ? [] : [memoChange(next.commitId, stored, next.expect)]),
  ];
  const quota = { records: engine.limits.maxRecords, bytes: engine.limits.maxBytes };
  const commitId = next && commitIdOfGiving(next.commitId, next.times);
  const committed = await engine.commit(owner, changes, { commitId, quota, signal });
  if (!committed.ok) {
    const { refusal } = committed;
    if (refusal.reason === "version" && refusal.index === 2) return undefined;
    throw refusalError(refusal);
  }
  // What was given by another run under this commit id is in its memo.
  if (committed.replayed && commitId !== undefined) return undefined;
  const version = committed.results[2]?.version;
  const memo = next && version !== undefined ? { ...stored, commitId: next.commitId, version } : undefined;
  return { ...givenOf(committed, grant, memo), isSettled: false };
}

function givenOf(
  { at, results: [made, shared] }: Pick<CommitOutcome, "at" | "results">,
  grant: string,
  memo: GivingMemo | undefined,
): Given {
  if (made === undefined || shared === undefined) {
    throw new HoldfastError("STORE_CORRUPT", "the store remembered a grant without its results");
  }
  const { version: token, expiresAt } = made;
  return { grant, at, token, expiresAt, incarnation: shared.incarnation, memo };
}

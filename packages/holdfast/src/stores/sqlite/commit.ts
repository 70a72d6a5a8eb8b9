/** One commit inside a write transaction: look up, decide, check, and only then change drafts. */
import type { Change, ChangeResult, Refusal } from "../../record/change.ts";
import { commitIdWindowMs } from "../../record/commit-ids.ts";
import { decide } from "../../record/decide.ts";
import { isLive } from "../../record/expiry.ts";
import { brokenQuota } from "../../record/quota.ts";
import type { CommitId, CommitOptions, CommitOutcome, Committed } from "../../store/contract.ts";
import { type Growth, noGrowth } from "./account.ts";
import type { SqlRow } from "./client.ts";
import { outcomeFromColumn, outcomeToColumn } from "./codec.ts";
import { type Planned, plan } from "./plan.ts";
import { forgetCommits } from "./reap.ts";
import type { Statements } from "./statements.ts";
import { type AccountDraft, hasSettledEvents, type Transaction } from "./transaction.ts";

/**
 * Decides and carries out one commit. A refusal changed nothing; what SQLite throws leaves the whole transaction to be
 * rolled back.
 */
export function commitIn(
  transaction: Transaction,
  owner: string,
  changes: readonly Change[],
  options: CommitOptions,
  now: number,
): Committed {
  const account = transaction.account(owner);
  const { commitId, fence, quota } = options;
  const remembered = commitId && findCommit(transaction.statements, account.account.row, commitId.id);
  const known = outcomeOf(remembered, now);
  if (commitId !== undefined && known !== undefined) return replayed(known, commitId, now);
  if (fence !== undefined) {
    const held = transaction.find(account, fence.key)?.entry.state;
    const actual = held !== undefined && isLive(held, now) ? held.version : undefined;
    if (actual !== fence.token) return refused({ reason: "fence", token: fence.token, actual }, now);
  }

  if (quota !== undefined) transaction.settleExpired(account, now);

  const planned: Planned[] = [];
  for (const [index, change] of changes.entries()) {
    const standing = transaction.find(account, change);
    const decision = decide(standing?.entry.state, change, index, now, account.account.floor);
    if ("refusal" in decision) return refused(decision.refusal, now);
    planned.push(plan(transaction.statements, change, standing, decision.effect, now));
  }
  const growth = growthOf(planned);
  // An outcome whose time is over is still counted, and makes room for the new one of its id.
  growth.commitIds = Number(commitId?.origin === "caller") - Number(remembered?.["caller"] ?? 0);
  let broken = brokenQuota(account.account, growth, quota);
  if (broken?.reason === "quota" && broken.quota === "commitIds") {
    forgetCommits(transaction, now);
    broken = brokenQuota(account.account, growth, quota);
  }
  if (broken !== undefined) return refused(broken, now);

  for (const step of planned) carryOut(transaction, account, step);
  transaction.grow(account, growth);
  const results = planned.map(({ effect }) => effect.result);
  if (commitId !== undefined) remember(transaction.statements, account, commitId, results, now);
  return { ok: true, at: now, replayed: false, results };
}

/** The remembered outcome of a commit id, unless its time is over. */
export function findOutcome(
  statements: Statements,
  accountRow: number,
  id: string,
  now: number,
): CommitOutcome | undefined {
  return outcomeOf(findCommit(statements, accountRow, id), now);
}

function findCommit(statements: Statements, accountRow: number, id: string): SqlRow | undefined {
  return accountRow === 0 ? undefined : statements.get("findCommit").get(accountRow, id);
}

function outcomeOf(row: SqlRow | undefined, now: number): CommitOutcome | undefined {
  if (row === undefined || Number(row["forget_at"]) <= now) return undefined;
  return outcomeFromColumn(row["outcome"]);
}

function carryOut(
  transaction: Transaction,
  account: AccountDraft,
  { change, standing, effect, entry, settledTrims }: Planned,
): void {
  const { statements } = transaction;
  if (effect.drop && standing !== undefined && entry.row !== 0 && hasSettledEvents(standing.entry)) {
    statements.get("deleteEvents").run(entry.row);
  } else {
    for (const { stream, wholeThrough } of settledTrims) {
      if (wholeThrough > 0) statements.get("trimEvents").run(entry.row, stream, wholeThrough);
    }
  }
  transaction.put(account, change, standing, entry);
}

function growthOf(planned: readonly Planned[]): Growth {
  const growth = noGrowth();
  for (const { change, standing, entry, events, bytes } of planned) {
    if (standing === undefined) growth.stored += 1;
    growth.events += events;
    growth.bytes += bytes;
    const live = Number(entry.live) - Number(standing?.entry.live ?? false);
    if (live !== 0) growth.kinds.set(change.kind, (growth.kinds.get(change.kind) ?? 0) + live);
  }
  return growth;
}

function remember(
  statements: Statements,
  { account }: AccountDraft,
  { id, digest, origin }: CommitId,
  results: readonly ChangeResult[],
  at: number,
): void {
  const outcome = outcomeToColumn({ digest, at, results });
  const caller = origin === "caller" ? 1 : 0;
  statements.get("putCommit").run(account.row, id, at + commitIdWindowMs[origin], caller, outcome);
}

function replayed(known: CommitOutcome, commitId: CommitId, now: number): Committed {
  if (known.digest !== commitId.digest) return refused({ reason: "commit-id" }, now);
  return { ok: true, at: known.at, replayed: true, results: known.results };
}

function refused(refusal: Refusal, now: number): Committed {
  return { ok: false, at: now, refusal };
}

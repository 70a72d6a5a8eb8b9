/** One commit inside a write transaction: look up, decide, check, and only then change drafts. */
import type { Change, ChangeResult, Refusal } from "../../record/change.ts";
import { decide } from "../../record/decide.ts";
import { isLive } from "../../record/expiry.ts";
import type { CommitId, CommitOptions, Committed, CommitOutcome } from "../../store/contract.ts";
import { brokenQuota, type Growth, noGrowth } from "./account.ts";
import { outcomeFromColumn, outcomeToColumn } from "./codec.ts";
import { plan, type Planned } from "./plan.ts";
import type { Statements } from "./statements.ts";
import { type AccountDraft, hasSettledEvents, type Transaction } from "./transaction.ts";

/** How long an outcome is remembered. */
const rememberedMs = { caller: 24 * 60 * 60 * 1_000, internal: 10 * 60 * 1_000 } as const;

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
  if (commitId !== undefined) {
    const known = findOutcome(transaction.statements, account.account.row, commitId.id, now);
    if (known !== undefined) return replayed(known, commitId, now);
  }
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
  const broken = quota === undefined ? undefined : brokenQuota(account.account, growth, quota);
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
  if (accountRow === 0) return undefined;
  const row = statements.get("findCommit").get(accountRow, id);
  if (row === undefined || Number(row["forget_at"]) <= now) return undefined;
  return outcomeFromColumn(row["outcome"]);
}

function carryOut(transaction: Transaction, account: AccountDraft, { change, standing, effect, entry, settledTrims }: Planned): void {
  const { statements } = transaction;
  if (effect.drop && standing !== undefined && entry.row !== 0 && hasSettledEvents(standing.entry)) {
    statements.get("deleteEvents").run(entry.row);
  } else {
    for (const { stream, through } of settledTrims) statements.get("trimEvents").run(entry.row, stream, through);
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
  statements.get("putCommit").run(account.row, id, at + rememberedMs[origin], outcome);
}

function replayed(known: CommitOutcome, commitId: CommitId, now: number): Committed {
  if (known.digest !== commitId.digest) return refused({ reason: "commit-id" }, now);
  return { ok: true, at: known.at, replayed: true, results: known.results };
}

function refused(refusal: Refusal, now: number): Committed {
  return { ok: false, at: now, refusal };
}

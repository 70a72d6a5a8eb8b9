import type { Change, CounterChange, Trim } from "../../record/change.ts";
import type { RecordKey, StoredRecord } from "../../record/record.ts";
import type { CommitOptions } from "../../store/contract.ts";
import { jitteredMs, pause } from "../backoff.ts";
import { decodeDocument, encodeDocument } from "../document.ts";
import { checkSameIntent, commitIdIn } from "../idempotency.ts";
import { fenceOf } from "../leases/locks.ts";
import { contention, notFound, refusalError } from "../refusals.ts";
import type { Scope } from "../scope.ts";
import type { ChangeOptions, SessionDocument } from "../types.ts";
import { leasesCounter } from "../views.ts";
import { actionsStream, emptySession, turnsStream } from "./definition.ts";

/**
 * Empties a session in one commit: data, preferences, counters, actions and turns go; label, metadata and id stay.
 *
 * Counters have no "set", so each is taken back by what was read, on the condition that this makes exactly zero: an
 * increment that comes between refuses the commit, and everything is read anew. Positions of streams go on counting.
 */
export async function clearSession(scope: Scope, key: RecordKey, options: ChangeOptions): Promise<void> {
  const { engine } = scope;
  const { signal, idempotency } = options;
  const fence = fenceOf(options.fence);
  const commitId = commitIdIn(engine, { ...key, name: "clear" }, idempotency, () => null);
  const clear = async (): Promise<void> => {
    const { maxAttempts } = engine.persistence;
    for (let attempt = 1; !(await clearOnce(scope, key, { commitId, fence, signal })); attempt++) {
      engine.conflict(key, attempt - 1);
      if (attempt >= maxAttempts) {
        engine.exhausted(key, attempt);
        throw contention("the session was changed all the while it was cleared", { attempts: attempt });
      }
      await pause(jitteredMs(attempt - 1, engine.persistence, Math.random), signal);
      engine.conflicts.retries += 1;
    }
  };
  await engine.alone(scope.addressOf(key), key, signal, () => engine.updateLeases.carry(scope, key, clear));
}

/** False if somebody came between. */
async function clearOnce(scope: Scope, key: RecordKey, options: CommitOptions): Promise<boolean> {
  const { commitId, signal } = options;
  const { record, at, outcome } = await scope.engine.read(scope.owner, key, { commitId: commitId?.id, signal });
  if (outcome !== undefined && commitId !== undefined) {
    checkSameIntent(commitId, outcome);
    return true;
  }
  if (record === undefined) throw notFound();
  const committed = await scope.commitSliding(record, at, await clearing(scope, record), options);
  if (committed.ok) return true;
  const { reason } = committed.refusal;
  if (reason === "version" || reason === "bounds") return false;
  throw refusalError(committed.refusal);
}

async function clearing(scope: Scope, record: StoredRecord): Promise<Change> {
  // The kind's schema has just accepted it.
  const { label, metadata } = (await decodeDocument(scope.kind, record)) as SessionDocument;
  const { text } = await encodeDocument(scope.kind, emptySession(label, metadata));
  return {
    kind: record.kind,
    id: record.id,
    expect: record.version,
    // Clearing what is clear already changes nothing.
    ...(text !== record.document && { document: { text } }),
    counters: [...record.counters].filter(([name, value]) => value !== 0 && name !== leasesCounter).map(backToZero),
    trims: [actionsStream, turnsStream].flatMap((stream) => trimAll(record, stream)),
    slide: true,
  };
}

function backToZero([name, value]: readonly [string, number]): CounterChange {
  return { name, by: -value, min: 0, max: 0 };
}

function trimAll(record: StoredRecord, stream: string): readonly Trim[] {
  const through = record.streams.get(stream)?.head ?? 0;
  return through === 0 ? [] : [{ stream, through }];
}

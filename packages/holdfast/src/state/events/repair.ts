import type { RecordKey } from "../../record/record.ts";
import { jitteredMs, pause } from "../backoff.ts";
import { canonicalJson } from "../json.ts";
import { contention, notFound, refusalError } from "../refusals.ts";
import { headOf, readForFold, tryFromBase } from "./fold.ts";
import type { SourcedScope } from "./scope.ts";
import { snapshotText } from "./snapshot-text.ts";
import { snapshotChange, snapshotParts } from "./snapshots.ts";
import type { Repaired } from "./types.ts";

/** Makes the snapshot anew from the events, whatever the one that stands there says. */
export async function repairSourced(
  scope: SourcedScope,
  key: RecordKey,
  signal: AbortSignal | undefined,
): Promise<Repaired> {
  const { engine } = scope;
  for (let attempt = 1; ; attempt++) {
    const repaired = await repairOnce(scope, key, signal);
    if (repaired !== undefined) return repaired;
    if (attempt >= engine.persistence.maxAttempts) {
      throw contention("others wrote snapshots all the while", { attempts: attempt });
    }
    await pause(jitteredMs(attempt - 1, engine.persistence, Math.random), signal);
  }
}

/** Undefined if somebody else wrote a snapshot meanwhile. */
async function repairOnce(
  scope: SourcedScope,
  key: RecordKey,
  signal: AbortSignal | undefined,
): Promise<Repaired | undefined> {
  const { engine, owner, kind } = scope;
  const { record, at } = await readForFold(scope, key, undefined, signal);
  if (record === undefined) throw notFound();
  const folded = await tryFromBase(scope, key, { through: headOf(record) }, signal);
  // An older snapshot is compared with what the events had come to by then.
  const by = Math.min(record.documentPosition, headOf(record));
  const then = await tryFromBase(scope, key, { through: by }, signal);
  if (typeof folded === "string" || typeof then === "string") return undefined;
  const changed = canonicalJson(await snapshotText(kind, then.value)) !== canonicalJson(record.document);
  const parts = await snapshotParts(scope, { record, readAt: at, folded, rebuilt: true }, 0, signal);
  const change = snapshotChange(record, parts);
  const committed = await engine.commit(owner, [change], { quota: engine.growthQuota, signal });
  if (committed.ok) return { position: folded.position, changed };
  if (committed.refusal.reason !== "version") throw refusalError(committed.refusal);
  return undefined;
}

/**
 * Changes that depend on what they have read: committed if nobody came between, and otherwise made again.
 *
 *     queue on the record's mutex ──> read ──> function ──> commit at what was read ──> done
 *                                      ^                          │ refused
 *                                      ├──── full jitter <────────┤
 *                                      └──── its lease <──────────┘ 3 times  (24 times, or 10 seconds: CONTENTION)
 *
 * The mutex keeps callers of this process from conflicting with each other; conflicts are left to other processes. Those
 * that conflict again and again take a lease, so that everyone makes progress; see `update-lease.ts`.
 */
import type { HoldfastError } from "../record/errors.ts";
import type { RecordKey } from "../record/record.ts";
import { jitteredMs, pause } from "./backoff.ts";
import { contention } from "./refusals.ts";
import type { Scope } from "./scope.ts";

/** Why an attempt came to nothing: somebody else was first, or changes the record under its lease just now. */
export type Overtaken =
  | { readonly overtaken: "version"; readonly actual?: number | undefined }
  | { readonly overtaken: "leased" };

export type Persistence<Result> = {
  /** @param waited whether the lease has been waited for, so that it is nothing to look at any more. */
  readonly attempt: (waited: boolean) => Promise<Result | Overtaken>;
  /** Given where one attempt is all there is: what to say when somebody else was first. */
  readonly conflict?: ((lost: { readonly actual?: number | undefined }) => HoldfastError) | undefined;
  readonly signal: AbortSignal | undefined;
};

/** For who has the record's mutex. Throws `CONTENTION`, or what `attempt` and `conflict` say. */
export async function persistently<Result extends object>(
  scope: Scope,
  key: RecordKey,
  { attempt, conflict, signal }: Persistence<Result>,
): Promise<Result> {
  const { engine } = scope;
  const { maxAttempts, maxMs, leaseAfter } = engine.persistence;
  const startedAt = performance.now();
  const leftMs = (): number => Math.max(0, maxMs - (performance.now() - startedAt));
  let lease = engine.updateLeases.inherit(scope, key);
  let waited = lease !== undefined || conflict !== undefined;
  try {
    for (let retries = 0; ; ) {
      const outcome = await attempt(waited);
      if (!("overtaken" in outcome)) {
        engine.settled(retries);
        return outcome;
      }
      if (outcome.overtaken === "version") {
        engine.conflict(key, retries);
        if (conflict !== undefined) throw conflict(outcome);
        retries += 1;
        if (retries >= maxAttempts || leftMs() === 0) {
          engine.exhausted(key, retries);
          throw contention(`others changed the record first, ${retries} times in a row`, { attempts: retries });
        }
        engine.conflicts.retries += 1;
      }
      if (lease === undefined && (outcome.overtaken === "leased" || retries >= leaseAfter)) {
        // Who did not get it in time tries without: a holder that died must not hold everybody up.
        lease = await engine.updateLeases.take(scope, key, leftMs() / 2, signal);
        waited = true;
      } else {
        await pause(jitteredMs(retries - 1, engine.persistence, Math.random), signal);
      }
    }
  } finally {
    if (lease !== undefined) await engine.updateLeases.pass(scope, key, lease);
  }
}

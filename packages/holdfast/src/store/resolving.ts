/**
 * The one place that knows what to do about a lost reply. Above it nobody attaches internal commit ids, and nobody
 * repeats a commit by hand.
 *
 *     commit ──> OUTCOME_UNKNOWN ──> the same commit, under the same id, once ──> the outcome
 *                                                       └── fails, or is too late ──> OUTCOME_UNKNOWN
 */
import { randomUUID } from "node:crypto";

import type { Change } from "../record/change.ts";
import { isHoldfastError } from "../record/errors.ts";
import type { Owner } from "../record/record.ts";
import { around } from "./around.ts";
import type { CommitOptions, Committed, Store } from "./contract.ts";

export type ResolvingOptions = {
  /**
   * How long the repetition may take. Default 5,000. Long before the ten minutes after which an internal commit id may
   * be forgotten: a repetition that came later could be applied a second time.
   */
  readonly repeatWithinMs?: number | undefined;
};

/**
 * The same store, except that a commit whose reply was lost is repeated once under its commit id, one minted here where
 * the caller gave none. A store that cannot lose a reply is answered as it is.
 *
 * What still ends in `OUTCOME_UNKNOWN` is unknown: the store was unreachable for both tries, took too long over the
 * second, or the caller's signal was aborted. `replayed` speaks of the ids of callers only: where the id was minted
 * here, the outcome is that of this very commit, whichever try it came from.
 */
export function resolving(store: Store, { repeatWithinMs = 5_000 }: ResolvingOptions = {}): Store {
  if (!store.traits.outcomeCanBeUnknown) return store;
  return around(store, {
    commit: (owner, changes, options = {}) => commitResolving(store, repeatWithinMs, owner, changes, options),
  });
}

async function commitResolving(
  store: Store,
  repeatWithinMs: number,
  owner: Owner,
  changes: readonly Change[],
  options: CommitOptions,
): Promise<Committed> {
  if (options.commitId !== undefined) return await commitTwice(store, repeatWithinMs, owner, changes, options);
  // Nobody else can know a fresh id, so there is no other intent that its digest would have to tell apart.
  const commitId = { id: randomUUID(), digest: "internal", origin: "internal" } as const;
  const committed = await commitTwice(store, repeatWithinMs, owner, changes, { ...options, commitId });
  return committed.ok && committed.replayed ? { ...committed, replayed: false } : committed;
}

async function commitTwice(
  store: Store,
  repeatWithinMs: number,
  owner: Owner,
  changes: readonly Change[],
  options: CommitOptions,
): Promise<Committed> {
  try {
    return await store.commit(owner, changes, options);
  } catch (unknown) {
    if (!isHoldfastError(unknown, "OUTCOME_UNKNOWN")) throw unknown;
    const deadline = AbortSignal.timeout(repeatWithinMs);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    try {
      return await store.commit(owner, changes, { ...options, signal });
    } catch {
      // Whatever the repetition met, the first try may have been applied, and the caller has to know that.
      throw unknown;
    }
  }
}

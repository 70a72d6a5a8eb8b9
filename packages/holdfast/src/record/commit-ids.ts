/** Whose a commit id is: an idempotency key of a caller, or the engine's own for resolving an unknown outcome. */
export type CommitIdOrigin = "caller" | "internal";

/** How long the outcome of a commit id is remembered, in milliseconds. */
export const commitIdWindowMs: Readonly<Record<CommitIdOrigin, number>> = {
  caller: 24 * 60 * 60 * 1_000,
  internal: 10 * 60 * 1_000,
};

/**
 * Most commit ids of callers that are remembered for one owner where a commit's quota names no other number. Owners pay
 * for their own keys: whoever uses up what one owner may have takes nothing from the others.
 */
export const maxCommitIdsPerOwner = 100_000;

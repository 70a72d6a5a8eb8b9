import type { ChangeResult } from "../record/change.ts";
import { HoldfastError } from "../record/errors.ts";
import type { Committed } from "../store/contract.ts";

/** A commit that went through. */
export type Applied = Extract<Committed, { readonly ok: true }>;

/** What the only, or the first, change of a commit came to, now or when it was first made. */
export function firstResult({ results }: Pick<Applied, "results">): ChangeResult {
  const [result] = results;
  if (result === undefined) throw new HoldfastError("STORE_CORRUPT", "the store remembered a commit without results");
  return result;
}

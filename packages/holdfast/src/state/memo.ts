/**
 * What a commit id made a handle for. A handle comes from the secure source and cannot be derived from a key, and outcomes
 * hold no ids; so the commit that makes something behind a new handle also makes a small record of the engine's own, found by
 * the commit id, that remembers the handle as long as the commit id is remembered.
 */
import type { Change } from "../record/change.ts";
import { commitIdWindowMs } from "../record/commit-ids.ts";
import type { Lifetime, RecordKey } from "../record/record.ts";
import type { CommitId, ReadAnswer } from "../store/contract.ts";
import { parseStored } from "./json.ts";
import { notFound } from "./refusals.ts";

const createdKind = "holdfast.created";
/** An hour longer than commit ids are remembered, so that the handle is there as long as its commit id is. */
export const memoLifetime: Lifetime = { absoluteMs: commitIdWindowMs.caller + 3_600_000 };

/** Where the handle that a commit id made is remembered. A commit id of ours is a well-formed record id. */
export function memoOf({ id }: CommitId): RecordKey {
  return { kind: createdKind, id };
}

/** The change that remembers it. None without a commit id. */
export function memorizing(commitId: CommitId | undefined, handle: string): readonly Change[] {
  if (commitId === undefined) return [];
  const memo = { text: JSON.stringify(handle), lifetime: memoLifetime };
  return [{ ...memoOf(commitId), expect: "any", create: memo, document: memo }];
}

/** The handle that was made first. Throws `NOT_FOUND` where nobody knows any more. */
export function memorized({ record }: ReadAnswer): string {
  if (record === undefined) throw notFound();
  // Written by `memorizing`.
  return parseStored(record.document, "the memory of a creation") as string;
}

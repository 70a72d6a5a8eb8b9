/**
 * What a call that counts once remembers of a grant it gives. It lies with the giver and is changed at its version only: the
 * first to say that the grant was led to, or taken back, is right.
 */
import type { Change } from "../../record/change.ts";
import type { Owner, Version } from "../../record/record.ts";
import type { CommitId, CommitOutcome } from "../../store/contract.ts";
import type { Engine } from "../engine.ts";
import { parseStored } from "../json.ts";
import { memoLifetime, memoOf } from "../memo.ts";

type Stored = {
  readonly grant: string;
  readonly stage: "given" | "led" | "taken back";
  /** How often the call has given, what was taken back included: each time under a commit id of its own. */
  readonly times: number;
};

export type GivingMemo = Stored & {
  /** The call's own. */
  readonly commitId: CommitId;
  readonly version: Version;
};

/** The memo and what came of giving for that time, as they stood together. */
export async function readMemo(
  engine: Engine,
  owner: Owner,
  commitId: CommitId,
  times: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly memo?: GivingMemo | undefined; readonly outcome?: CommitOutcome | undefined }> {
  const { id } = commitIdOfGiving(commitId, times);
  const { record, outcome } = await engine.read(owner, memoOf(commitId), { commitId: id, signal });
  if (record === undefined) return { outcome };
  // Written by `memoChange`.
  const stored = parseStored(record.document, "the memory of a grant") as Stored;
  return { memo: { ...stored, commitId, version: record.version }, outcome };
}

export function commitIdOfGiving(commitId: CommitId, times: number): CommitId {
  return times === 1 ? commitId : { ...commitId, id: `${commitId.id}-${times}` };
}

export function memoChange(commitId: CommitId, { grant, stage, times }: Stored, expect: Version | "absent"): Change {
  const text = JSON.stringify({ grant, stage, times } satisfies Stored);
  const key = memoOf(commitId);
  return expect === "absent"
    ? { ...key, expect, create: { text, lifetime: memoLifetime } }
    : { ...key, expect, document: { text } };
}

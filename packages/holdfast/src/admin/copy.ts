import { isHoldfastError } from "../record/errors.ts";
import type { Owner } from "../record/record.ts";
import { utf8Length } from "../record/text.ts";
import type { OwnedSummary, RecordDump, Store } from "../store/contract.ts";
import { placeBoundKinds } from "./claim.ts";
import { digestOfRecord } from "./digest.ts";
import { accountPages, everyRecord, type WalkOptions } from "./walk.ts";

/** What a move has copied, and what it left. */
export type CopyCounts = {
  /** Records put into the destination. */
  readonly records: number;
  readonly events: number;
  /** UTF-8 bytes of documents and events. */
  readonly bytes: number;
  readonly commitIds: number;
  /** Records that stood there already, the same to the byte. */
  readonly alreadyThere: number;
  /** Records the destination did not take, for a higher version of theirs stands there. */
  readonly refused: number;
};

export const noCounts: CopyCounts = { records: 0, events: 0, bytes: 0, commitIds: 0, alreadyThere: 0, refused: 0 };

export type Copy = {
  readonly from: Store;
  readonly to: Store;
  readonly owner: Owner;
  /** Whether to look first what stands in the destination, and leave alone what is the same. */
  readonly compare: boolean;
} & WalkOptions;

/** Dumps read ahead of the one that is being put in. Whole records are in memory, so few. */
const readAhead = 4;

export type CopyListeners = {
  readonly onCopied: (counts: CopyCounts) => void;
  /** Told of a record that stays where it is, since it says something of the source alone. */
  readonly onStaying: () => void;
};

/** Puts everything of one owner into the destination: records in the order they were created, then the account. */
export async function copyOwner(copy: Copy, { onCopied, onStaying }: CopyListeners): Promise<void> {
  const { from, to, owner, signal } = copy;
  const ahead: Promise<RecordDump | undefined>[] = [];
  const putNext = async (): Promise<void> => {
    const dump = await ahead.shift();
    // What was removed since it was scanned need not move.
    if (dump !== undefined) onCopied(await put(copy, dump));
  };
  try {
    for await (const record of everyRecord(from, { owner, signal })) {
      if (placeBoundKinds.has(record.kind)) {
        onStaying();
        continue;
      }
      ahead.push(exported(copy, record));
      if (ahead.length > readAhead) await putNext();
    }
    while (ahead.length > 0) await putNext();
  } finally {
    // Whatever ended the copying, nobody waits for these any more.
    await Promise.allSettled(ahead);
  }
  for await (const { floor, importFloor, commits } of accountPages(from, owner, { signal })) {
    await to.admin.importAccount(owner, { floor, importFloor, commits }, { signal });
    onCopied({ ...noCounts, commitIds: commits.length });
  }
}

function exported({ from, owner, signal }: Copy, { kind, id }: OwnedSummary): Promise<RecordDump | undefined> {
  const dump = from.admin.export(owner, { kind, id }, { signal });
  // Read ahead, it may fail before anybody waits for it.
  dump.catch(() => undefined);
  return dump;
}

async function put({ to, owner, compare, signal }: Copy, dump: RecordDump): Promise<CopyCounts> {
  if (compare) {
    const standing = await to.admin.export(owner, dump.record, { signal });
    if (standing !== undefined && digestOfRecord(owner, standing) === digestOfRecord(owner, dump)) {
      return { ...noCounts, alreadyThere: 1 };
    }
  }
  try {
    await to.admin.import(owner, dump, { signal });
  } catch (error) {
    if (!isHoldfastError(error, "CONFLICT")) throw error;
    return { ...noCounts, refused: 1 };
  }
  const events = Object.values(dump.events).flat();
  const bytes = events.reduce((sum, { data }) => sum + utf8Length(data), dump.record.documentBytes);
  return { ...noCounts, records: 1, events: events.length, bytes };
}

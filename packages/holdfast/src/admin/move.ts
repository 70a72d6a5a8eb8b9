/**
 * Moving house: everything of one store into another. Records first, in the order they were created, then what their
 * owner has besides; owner by owner, so that a move that was killed goes on near where it was. Then everything is read
 * once more on both sides and held against each other.
 */
import { HoldfastError } from "../record/errors.ts";
import { refuseUnknownNames } from "../record/option-names.ts";
import type { Store } from "../store/contract.ts";
import { resolving } from "../store/resolving.ts";
import { Claim, type Claimed, digestOfName, placeBoundKinds } from "./claim.ts";
import { type CopyCounts, copyOwner, noCounts } from "./copy.ts";
import { forEachLimited } from "./limited.ts";
import { type Verified, verify } from "./verify.ts";
import { everyRecord } from "./walk.ts";

/** What a move refuses unless it is accepted by name. */
export type MoveRisk = "other-data";

/** From where to where, and what is put up with. A destination that holds something is `CONFLICT` unless accepted. */
export type MoveOptions = {
  readonly from: Store;
  readonly to: Store;
  /** What the source is called, such as its URL: a move that was cut short goes on only from the same. Only a digest of it is kept. */
  readonly source: string;
  /**
   * `other-data`: the destination may hold something already. What stands there under the same address and owner is
   * replaced, unless its version is higher. Default: none.
   */
  readonly accept?: readonly MoveRisk[] | undefined;
  /** Owners under way at once. Default 4. */
  readonly concurrency?: number | undefined;
  readonly onProgress?: ((progress: MoveProgress) => void) | undefined;
  /** Ends the move between two records: `ABORTED`. Moving again goes on from there. */
  readonly signal?: AbortSignal | undefined;
};

/** How far `moveStore()` is: it copies everything, then verifies it. */
export type MoveProgress = {
  readonly phase: "copying" | "verifying";
  readonly records: number;
  readonly owners: number;
  /** What there is in all, as the source said at the beginning, less what was found to stay there. */
  readonly of: { readonly records: number; readonly owners: number };
};

/** What `moveStore()` did and found. */
export type MoveReport = Verified & {
  /** Whether an earlier attempt was taken up. */
  readonly resumed: boolean;
  /** What this attempt did. */
  readonly counts: CopyCounts;
};

const ownersPerNote = 100;
const beginning = { after: undefined, owners: 0, records: 0, staying: 0 } as const;
const known = ["from", "to", "source", "accept", "concurrency", "onProgress", "signal"];

/**
 * Copies everything of one store into another and verifies it. The source is only read. Nobody may write to it meanwhile:
 * what is written is not lost, but found by the verification, and `changedSince` says so; stop the writers and move again.
 *
 * Whatever ended a move, moving again between the same stores goes on from there, and what is the same already is left
 * as it is. Resolves with what was found; `ok` says whether both stores hold the same. Throws `CONFLICT` where the
 * destination holds other data or another move writes into it, and what the stores throw.
 *
 * @example
 * const from = await openStore("sqlite:./state.db");
 * const to = await openStore("postgres://localhost/shop");
 * const { ok } = await moveStore({ from, to, source: "sqlite:./state.db" });
 */
export async function moveStore(options: MoveOptions): Promise<MoveReport> {
  refuseUnknownNames("moveStore", options, known);
  const { from, accept = [], concurrency = 4, onProgress, signal } = options;
  const to = resolving(options.to);
  const extraAllowed = accept.includes("other-data");
  const { claim, resumed } = await begin(options, to, extraAllowed);
  const total = await from.admin.stats({ signal });

  let counts = noCounts;
  let {
    after,
    owners,
    records,
    staying = 0,
  }: Pick<Claimed, "after" | "owners" | "records" | "staying"> = claim.said.phase === "copying"
    ? claim.said
    : beginning;
  const told = (phase: MoveProgress["phase"], done: number, ofOwners: number): void =>
    onProgress?.({
      phase,
      records: done,
      owners: ofOwners,
      of: { records: total.records - staying, owners: total.owners },
    });
  await claim.note({ phase: "copying", after, owners, records, staying });
  do {
    const page = await from.admin.owners({ limit: ownersPerNote, after, signal });
    await forEachLimited(page.owners, concurrency, async (owner) => {
      // A destination that was empty has nothing that could be the same already.
      const compare = resumed || extraAllowed;
      await copyOwner(
        { from, to, owner, compare, signal },
        {
          onCopied: (copied) => {
            counts = add(counts, copied);
            records += copied.records + copied.alreadyThere + copied.refused;
            told("copying", records, owners);
          },
          onStaying: () => {
            staying += 1;
          },
        },
      );
      owners += 1;
      told("copying", records, owners);
    });
    after = page.next;
    if (after !== undefined) await claim.note({ after, owners, records, staying });
  } while (after !== undefined);

  await claim.note({ ...beginning, phase: "copied" });
  const { startedAt } = claim.said;
  const verified = await verify({ from, to, startedAt, extraAllowed, concurrency, signal }, (records, done) =>
    told("verifying", records, done),
  );
  if (verified.ok) await claim.release();
  return { ...verified, resumed, counts };
}

async function begin(
  { from, source, signal }: MoveOptions,
  to: Store,
  extraAllowed: boolean,
): Promise<{ readonly claim: Claim; readonly resumed: boolean }> {
  const earlier = await Claim.find(to, { signal });
  const named = digestOfName(source);
  const resumed = earlier !== undefined && earlier.source === named;
  if (earlier !== undefined && !resumed && !extraAllowed) {
    throw new HoldfastError(
      "CONFLICT",
      "the destination holds an unfinished move from another store; finish that one, or accept other-data",
    );
  }
  if (earlier === undefined && !extraAllowed) await requireEmpty(to, signal);
  const { at } = await from.admin.scan({ limit: 1, signal });
  const claim = await Claim.take(
    to,
    resumed ? earlier : { source: named, startedAt: at, ...beginning, phase: "copying" },
  );
  const seen = await Claim.find(from, { signal });
  if (seen?.attempt === claim.said.attempt) {
    await claim.release();
    throw new HoldfastError("INVALID_ARGUMENT", "source and destination are the same store; name another destination");
  }
  return { claim, resumed };
}

async function requireEmpty(store: Store, signal: AbortSignal | undefined): Promise<void> {
  for await (const { kind } of everyRecord(store, { signal })) {
    if (placeBoundKinds.has(kind)) continue;
    throw new HoldfastError(
      "CONFLICT",
      "the destination holds data already; name an empty one, or accept other-data to put everything beside it",
    );
  }
}

function add(one: CopyCounts, other: CopyCounts): CopyCounts {
  return {
    records: one.records + other.records,
    events: one.events + other.events,
    bytes: one.bytes + other.bytes,
    commitIds: one.commitIds + other.commitIds,
    alreadyThere: one.alreadyThere + other.alreadyThere,
    refused: one.refused + other.refused,
  };
}

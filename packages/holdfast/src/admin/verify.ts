/** Reads both stores whole and says where they differ. */
import type { Owner } from "../record/record.ts";
import { claimOwner } from "./claim.ts";
import { type Comparison, compareOwner, type Difference } from "./compare.ts";
import { StoreDigest } from "./digest.ts";
import { forEachLimited } from "./limited.ts";

export type Verified = {
  /** Whether the destination holds everything of the source, the same to the byte. */
  readonly ok: boolean;
  readonly verified: {
    /** Records of the source, and the digest of them all. */
    readonly from: { readonly records: number; readonly digest: string };
    /** Records under the same addresses, and what else there is unless other data was accepted. */
    readonly to: { readonly records: number; readonly digest: string };
  };
  /** How many differences there are. */
  readonly differing: number;
  /** The first of them. */
  readonly differences: readonly Difference[];
  /** Whether the source was written to since the move began. */
  readonly changedSince: boolean;
};

export type VerifyOptions = Omit<Comparison, "digests" | "onRecord"> & { readonly concurrency: number };

const ownersPerPage = 100;
const maxDifferencesTold = 100;

export async function verify(
  options: VerifyOptions,
  onProgress: (records: number, owners: number) => void,
): Promise<Verified> {
  const { from, to, extraAllowed, concurrency, signal } = options;
  const digests = { from: new StoreDigest(), to: new StoreDigest() };
  const differences: Difference[] = [];
  let differing = 0;
  let changedSince = false;
  let owners = 0;
  const onRecord = (): void => onProgress(digests.from.records, owners);
  const note = async (owner: Owner): Promise<void> => {
    if (owner === claimOwner) return;
    for await (const difference of compareOwner({ ...options, digests, onRecord }, owner)) {
      differing += 1;
      changedSince ||= difference.changedSince;
      if (differences.length < maxDifferencesTold) differences.push(difference);
    }
    owners += 1;
    onProgress(digests.from.records, owners);
  };
  const walk = async (store: typeof from, wanted: (owner: Owner) => Promise<boolean>): Promise<void> => {
    let after: string | undefined;
    do {
      const page = await store.admin.owners({ limit: ownersPerPage, after, signal });
      await forEachLimited(page.owners, concurrency, async (owner) => {
        if (await wanted(owner)) await note(owner);
      });
      after = page.next;
    } while (after !== undefined);
  };
  await walk(from, async () => true);
  // Owners that only the destination knows.
  const isUnknown = async (owner: Owner): Promise<boolean> =>
    (await from.admin.exportAccount(owner, { limit: 1, signal })) === undefined;
  if (!extraAllowed) await walk(to, isUnknown);
  const summary = (digest: StoreDigest): { readonly records: number; readonly digest: string } => ({
    records: digest.records,
    digest: digest.toString(),
  });
  return {
    ok: differing === 0,
    verified: { from: summary(digests.from), to: summary(digests.to) },
    differing,
    differences,
    changedSince,
  };
}

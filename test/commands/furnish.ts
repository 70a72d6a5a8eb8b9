/** Stores with something of everything in them, for commands that move, show or export it. */
import type { Owner, Store } from "holdfast/contract";

export type Furnished = { readonly owners: readonly Owner[]; readonly records: number };

export function ownerNamed(name: string): Owner {
  // Any 32 characters of base64url could be a digest.
  return name.padEnd(32, "_") as Owner;
}

/** Some owners with records that were changed, appended to, ended and repeated under callers' ids. */
export async function furnish(store: Store, owners: number, recordsEach: number): Promise<Furnished> {
  const names = Array.from({ length: owners }, (_, index) => ownerNamed(`owner-${index}`));
  for (const owner of names) {
    const work: Promise<unknown>[] = [];
    for (let index = 0; index < recordsEach; index += 1) {
      const create = {
        text: JSON.stringify({ index, text: "é\0 🦆".repeat(1 + (index % 7)) }),
        lifetime: { idleMs: 3_600_000 },
        fields: { label: `record ${index}` },
      };
      const commitId = { id: `once-${index}`, digest: "d", origin: "caller" } as const;
      const change = { kind: "note", id: `note_${index}`, expect: "absent", create } as const;
      const appends = [{ stream: "log", data: ["a", `b ${index}`] }];
      work.push(store.commit(owner, [{ ...change, appends, counters: [{ name: "n", by: index }] }], { commitId }));
    }
    await Promise.all(work);
    await store.commit(owner, [{ kind: "note", id: "note_0", expect: "present", end: true }]);
  }
  return { owners: names, records: owners * recordsEach };
}

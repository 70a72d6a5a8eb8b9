/** What lies in the frozen files: something of everything a store can hold, made with a clock that stands still. */
import type { Owner, Store } from "holdfast/contract";

/** The moment the files were made. */
export const frozenAt = 1_795_000_000_000;

export const frozenOwners: readonly Owner[] = ["frozen-one", "frozen-two", "frozen-erased"].map(
  // Any 32 characters of base64url could be a digest.
  (name) => name.padEnd(32, "_") as Owner,
);

export const remembered = { id: "é once", digest: "intent", origin: "caller" } as const;

/** Never change this for a schema that was released: its file cannot be made again. */
export async function fill(store: Store): Promise<void> {
  const [one, two, erased] = frozenOwners as [Owner, Owner, Owner];
  for (const owner of frozenOwners) {
    for (const [index, text] of ['{"a":[],"b":{}}', JSON.stringify("é\0🦆".repeat(1_000)), "null"].entries()) {
      const key = { kind: index === 2 ? "other" : "note", id: `note_${index}` };
      const lifetime = { idleMs: 3_600_000, absoluteMs: 7_200_000, retainMs: 600_000 };
      const fields = { label: `n${index}`, é: index, yes: true, no: null };
      await store.commit(owner, [
        { ...key, expect: "absent", create: { text, lifetime, fields }, counters: [{ name: "__proto__", by: index }] },
      ]);
      for (let round = 0; round < 40; round += 1) {
        const data = [`event ${round} ${"x".repeat(100)}`, "\0"];
        await store.commit(owner, [{ ...key, expect: "present", appends: [{ stream: "log", data, keep: 60 }] }]);
      }
    }
    await store.commit(owner, [{ kind: "note", id: "note_0", expect: 1, document: { text: "[ 1 ]", position: 2 } }]);
  }
  await store.commit(one, [{ kind: "note", id: "note_1", expect: "present", end: true }]);
  const gone = { kind: "note", id: "gone", expect: "absent", create: { text: "{}", lifetime: {} } } as const;
  await store.commit(two, [gone]);
  await store.commit(two, [{ ...gone, expect: "present", document: { text: "2" } }]);
  await store.commit(two, [{ ...gone, expect: "present", document: { text: "3" }, end: true }]);
  await store.admin.reap({ limit: 10 });
  const counters = [{ name: "n", by: 2 }];
  await store.commit(two, [{ kind: "other", id: "note_2", expect: "present", counters }], { commitId: remembered });
  await store.admin.erase(erased);
}

import { HoldfastError } from "holdfast";
import type { Store } from "holdfast/contract";
import { memoryStore } from "holdfast/stores/memory";
import { expect, it } from "vitest";

import { checkContent } from "./content.ts";

const never = new AbortController().signal;

async function counting(stats: Store["admin"]["stats"]): Promise<Store> {
  const store = await memoryStore();
  return { ...store, admin: { ...store.admin, scan: store.admin.scan.bind(store.admin), stats } };
}

it("says what lies there", async () => {
  await using store = await memoryStore();
  expect(await checkContent(store, never)).toMatchObject([
    { verdict: "good", seen: expect.stringMatching(/^0 records/) },
  ]);
});

it.each<[string, Store["admin"]["stats"]]>([
  [
    "is cancelled by the store",
    async () => {
      throw new HoldfastError("UNAVAILABLE", "a statement took too long and was cancelled");
    },
  ],
  [
    "outlasts its time",
    async ({ signal } = {}) =>
      await new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new HoldfastError("ABORTED", "aborted")), { once: true });
      }),
  ],
])("a count that %s is something to look at, and the store is no worse for it", async (_what, stats) => {
  expect(await checkContent(await counting(stats), never, 10)).toMatchObject([{ verdict: "warning", what: "content" }]);
});

it("a store that is damaged is not called slow, and who stops the doctor stops it", async () => {
  const corrupt = await counting(async () => {
    throw new HoldfastError("STORE_CORRUPT", "a record is cut off");
  });
  await expect(checkContent(corrupt, never)).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  const stopped = await counting(async () => {
    throw new HoldfastError("ABORTED", "aborted");
  });
  await expect(checkContent(stopped, AbortSignal.abort())).rejects.toMatchObject({ code: "ABORTED" });
});

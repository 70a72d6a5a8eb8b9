/** Files that released schemas wrote, opened by today's code: whoever has one keeps all of it. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { digestOfRecord, everyOwner, everyRecord } from "holdfast/admin";
import type { Owner, Store } from "holdfast/contract";
import { memoryStore } from "holdfast/stores/memory";
import { sqliteStore } from "holdfast/stores/sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { fill, frozenAt, frozenOwners, remembered } from "./frozen/content.ts";

const frozen = fileURLToPath(new URL("frozen/", import.meta.url));
const clock = (): number => frozenAt;

let dir: string;
beforeAll(async () => {
  dir = await temporaryFolder();
});
afterAll(() => removeFolder(dir));

/** Opening brings a file up to date, so a copy is opened. */
async function open(file: string, laterMs = 0): Promise<Store> {
  const path = join(dir, file);
  await copyFile(join(frozen, file), path);
  return await sqliteStore({ path, clock: () => clock() + laterMs });
}

async function digests(store: Store): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const owner of everyOwner(store)) {
    for await (const { kind, id } of everyRecord(store, { owner })) {
      const dump = await store.admin.export(owner, { kind, id });
      if (dump !== undefined) found.set(`${owner} ${kind} ${id}`, digestOfRecord(owner, dump));
    }
  }
  return found;
}

describe.each(["schema-1.db", "schema-2.db"])("the file of %s", (file) => {
  it("holds every record and event it was made with, to the byte", async () => {
    await using store = await open(file);
    await using now = await memoryStore({ clock });
    await fill(now);
    expect(await digests(store)).toEqual(await digests(now));
    expect((await digests(store)).size).toBe(6);
  });

  it("still knows what it remembered: floors, outcomes, the order of creation", async () => {
    await using store = await open(file);
    const [one, two, erased] = frozenOwners as [Owner, Owner, Owner];
    const counters = [{ name: "n", by: 2 }];
    const change = { kind: "other", id: "note_2", expect: "present", counters } as const;
    expect(await store.commit(two, [change], { commitId: remembered })).toMatchObject({ ok: true, replayed: true });
    const create = { text: "{}", lifetime: {} };
    const again = await store.commit(two, [{ kind: "note", id: "gone", expect: "absent", create }]);
    expect(again.ok && again.results[0]?.version).toBe(4);
    expect((await store.admin.exportAccount(erased, { limit: 1 }))?.floor).toBe(2);
    const page = await store.list(two, "note", { limit: 9, order: "oldest" });
    expect(page.records.map(({ id }) => id)).toEqual(["note_0", "note_1", "gone"]);
    expect(await store.usage(one)).toMatchObject({ records: 2, byKind: { note: 1, other: 1 } });
  });

  it("says what expires at the next sweep, once, and nothing of what was ended", async () => {
    await using store = await open(file, 3_600_000);
    const sweeps = [await store.admin.reap({ limit: 3 }), await store.admin.reap({ limit: 100 })];
    const closed = sweeps.flatMap((sweep) => sweep.closed.map(({ id, livedMs }) => `${id} ${livedMs}`));
    expect(closed.toSorted()).toEqual(["note_0", "note_0", "note_1", "note_2", "note_2"].map((id) => `${id} 3600000`));
    expect(sweeps.flatMap((sweep) => sweep.removed.map(({ id, cause }) => [id, cause]))).toEqual([["note_1", "ended"]]);
    expect(await store.admin.reap({ limit: 100 })).toEqual({ removed: [], closed: [], more: false });
  });

  it("takes what comes next", async () => {
    await using store = await open(file);
    const [one] = frozenOwners as [Owner];
    const appends = [{ stream: "log", data: ["next"] }];
    const answer = await store.commit(one, [{ kind: "note", id: "note_0", expect: "present", appends }]);
    expect(answer.ok && answer.results[0]?.heads.get("log")).toBe(81);
    const page = await store.events(one, { kind: "note", id: "note_0" }, "log", { limit: 100 });
    expect(page?.events.map(({ position }) => position)).toEqual(Array.from({ length: 61 }, (_, index) => 21 + index));
  });
});

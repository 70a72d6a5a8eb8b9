import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { ownerOf } from "../record/ids.ts";
import type { Owner } from "../record/record.ts";
import type { RecordDump, Store } from "../store/contract.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { sqliteStore } from "../stores/sqlite/index.ts";
import { adminOf, replaced } from "../testing/broken/broken-store.test-kit.ts";
import { type MoveOptions, type MoveProgress, type MoveReport, moveStore } from "./move.ts";
import { everyOwner, everyRecord } from "./walk.ts";

const owners = Array.from({ length: 12 }, (_, index) => ownerOf({ issuer: "test", subject: `${index}` }));
const [first, second, third] = owners as [Owner, Owner, Owner];

/** Every sort of thing a store can hold: tombstones, retained, expired, erased, odd names, ids of callers, a reaped id. */
async function furnish(store: Store): Promise<void> {
  const lifetime = { idleMs: 3_600_000, retainMs: 60_000 };
  for (const owner of owners) {
    for (let index = 0; index < 5; index += 1) {
      const id = `note_${9 - index}`;
      const create = {
        text: JSON.stringify({ index, "é\0": [] }),
        lifetime,
        fields: { label: `n${index}`, nil: null },
      };
      await store.commit(owner, [
        { kind: "note", id, expect: "absent", create, counters: [{ name: "__proto__", by: index }] },
      ]);
      const appends = [{ stream: "log", data: ["a", "b\0", "c"] }];
      await store.commit(owner, [
        { kind: "note", id, expect: "present", appends, trims: [{ stream: "log", through: 1 }] },
      ]);
    }
    const commitId = { id: "once", digest: "d", origin: "caller" } as const;
    await store.commit(owner, [{ kind: "note", id: "note_9", expect: "present", document: { text: "1" } }], {
      commitId,
    });
    await store.commit(owner, [{ kind: "note", id: "note_8", expect: "present", end: true }]);
  }
  const gone = { kind: "gone", id: "gone", expect: "absent", create: { text: "{}", lifetime: {} } } as const;
  await store.commit(second, [gone]);
  await store.commit(second, [{ ...gone, expect: "present", document: { text: "2" }, end: true }]);
  while ((await store.admin.reap({ limit: 100 })).more);
  await store.admin.erase(third);
  // Whatever was written in the millisecond in which a move begins counts as written since.
  const written = await timeAt(store);
  while ((await timeAt(store)) <= written);
}

async function timeAt(store: Store): Promise<number> {
  return (await store.admin.scan({ limit: 1 })).at;
}

type House = { readonly from: Store; readonly to: Store; readonly path: string };

async function inHouse(test: (house: House) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-move-"));
  const path = join(folder, "state.db");
  const [from, to] = [await memoryStore(), await sqliteStore({ path })];
  try {
    await furnish(from);
    await test({ from, to, path });
  } finally {
    await Promise.all([from.close(), to.close()]);
    await rm(folder, { recursive: true, force: true });
  }
}

function move(from: Store, to: Store, more: Partial<MoveOptions> = {}): Promise<MoveReport> {
  return moveStore({ from, to, source: "test", ...more });
}

/** A destination that writes something else than it was given, once. */
function corrupting(store: Store, corrupt: (dump: RecordDump) => RecordDump): Store {
  let done = false;
  const admin = {
    ...adminOf(store),
    import: (owner: Owner, dump: RecordDump) => {
      const given = done ? dump : corrupt(dump);
      done = true;
      return store.admin.import(owner, given);
    },
  };
  return replaced(store, { admin });
}

describe("moving", () => {
  it("puts everything into the other store: documents, events, order, floors, outcomes", () =>
    inHouse(async ({ from, to }) => {
      const told: MoveProgress[] = [];
      const report = await move(from, to, { onProgress: (progress) => told.push(progress) });
      expect(report).toMatchObject({ ok: true, resumed: false, differing: 0, changedSince: false });
      expect(report.counts).toMatchObject({ records: 55, alreadyThere: 0, refused: 0, commitIds: 11 });
      expect(report.verified.from).toEqual(report.verified.to);
      expect(report.verified.from.records).toBe(55);
      const query = { limit: 10, order: "newest" } as const;
      const [here, there] = await Promise.all([from.list(first, "note", query), to.list(first, "note", query)]);
      expect(there.records).toEqual(here.records);
      const commitId = { id: "once", digest: "d", origin: "caller" } as const;
      const change = { kind: "note", id: "note_9", expect: "present", document: { text: "1" } } as const;
      expect(await to.commit(first, [change], { commitId })).toMatchObject({ ok: true, replayed: true });
      const gone = { kind: "gone", id: "gone", expect: "absent", create: { text: "{}", lifetime: {} } } as const;
      const again = await to.commit(second, [gone]);
      expect(again.ok && again.results[0]?.version).toBeGreaterThan(2);
      expect((await to.admin.exportAccount(third, { limit: 1 }))?.floor).toBeGreaterThan(0);
      expect(told.at(-1)).toMatchObject({ phase: "verifying", records: 55, of: { records: 55 } });
      expect(told.filter(({ phase }) => phase === "copying").at(-1)).toMatchObject({ records: 55, owners: 12 });
    }));

  it("goes back the way it came, and says the same digest", () =>
    inHouse(async ({ from, to }) => {
      const there = await move(from, to);
      await using back = await memoryStore();
      const again = await move(to, back);
      expect(again.ok).toBe(true);
      expect(again.verified.from.digest).toBe(there.verified.from.digest);
      for await (const owner of everyOwner(from)) {
        for await (const { kind, id } of everyRecord(from, { owner })) {
          expect(await back.admin.export(owner, { kind, id })).toEqual(await from.admin.export(owner, { kind, id }));
        }
      }
    }));

  it("out of a store that was moved into ends at all of it, what stays there left out", () =>
    inHouse(async ({ from, to }) => {
      await move(from, to);
      const lifetime = { idleMs: 60_000 };
      for (const kind of ["holdfast.node", "holdfast.rate"]) {
        await to.commit(first, [{ kind, id: "here", expect: "absent", create: { text: "{}", lifetime } }]);
      }
      expect((await to.admin.stats()).records).toBe(58);
      await using back = await memoryStore();
      const told: MoveProgress[] = [];
      expect(await move(to, back, { onProgress: (progress) => told.push(progress) })).toMatchObject({ ok: true });
      for (const phase of ["copying", "verifying"]) {
        const last = told.filter((progress) => progress.phase === phase).at(-1);
        expect(last).toMatchObject({ records: 55, of: { records: 55 } });
      }
      expect(told.every(({ records, of }) => records <= of.records)).toBe(true);
    }));

  it("goes on where it was aborted, and leaves alone what is there", () =>
    inHouse(async ({ from, to, path }) => {
      const controller = new AbortController();
      const onProgress = ({ records }: MoveProgress): void => {
        if (records >= 20) controller.abort();
      };
      await expect(move(from, to, { onProgress, signal: controller.signal })).rejects.toMatchObject({
        code: "ABORTED",
      });
      await using again = await sqliteStore({ path });
      const report = await move(from, again);
      expect(report).toMatchObject({ ok: true, resumed: true });
      expect(report.counts.alreadyThere).toBeGreaterThanOrEqual(20);
      expect(report.counts.alreadyThere + report.counts.records).toBe(55);
    }));

  it("that is over leaves nothing of its own behind, and the destination counts as full", () =>
    inHouse(async ({ from, to }) => {
      await move(from, to);
      await to.admin.reap({ limit: 1_000 });
      const kinds = new Set<string>();
      for await (const { kind, endedAt } of everyRecord(to)) if (endedAt === undefined) kinds.add(kind);
      expect([...kinds]).toEqual(["note"]);
      await expect(move(from, to)).rejects.toMatchObject({ code: "CONFLICT" });
    }));
});

describe("a move refuses", () => {
  it("a destination that has other data, unless told by name", () =>
    inHouse(async ({ from, to }) => {
      const create = { text: '"theirs"', lifetime: {} };
      await to.commit(first, [{ kind: "theirs", id: "one", expect: "absent", create }]);
      await expect(move(from, to)).rejects.toMatchObject({
        code: "CONFLICT",
        message: expect.stringContaining("other-data"),
      });
      const report = await move(from, to, { accept: ["other-data"] });
      expect(report).toMatchObject({ ok: true, verified: { from: { records: 55 }, to: { records: 55 } } });
      expect((await to.read(first, { kind: "theirs", id: "one" })).record?.document).toBe('"theirs"');
    }));

  it("the same store", () =>
    inHouse(async ({ to, path }) => {
      await using same = await sqliteStore({ path });
      await expect(move(to, same)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      expect((await to.admin.stats()).records).toBe(1);
    }));

  it("to go on with the unfinished move of another store", () =>
    inHouse(async ({ from, to }) => {
      const controller = new AbortController();
      const onProgress = (): void => controller.abort();
      await expect(move(from, to, { onProgress, signal: controller.signal })).rejects.toMatchObject({
        code: "ABORTED",
      });
      await expect(move(from, to, { source: "another" })).rejects.toMatchObject({ code: "CONFLICT" });
    }));

  it("to write beside another move", () =>
    inHouse(async ({ from, to }) => {
      let other: Promise<MoveReport> | undefined;
      const onProgress = (): void => {
        other ??= move(from, to);
      };
      const one = move(from, to, { onProgress });
      const outcomes = await Promise.allSettled([one.catch(() => undefined).then(() => other), one]);
      expect(outcomes.filter(({ status }) => status === "rejected")).toMatchObject([{ reason: { code: "CONFLICT" } }]);
    }));
});

describe("the verification finds", () => {
  it.each<[string, (dump: RecordDump) => RecordDump, string]>([
    ["another document", (dump) => ({ ...dump, record: { ...dump.record, document: '"torn"' } }), "different"],
    ["another time", (dump) => ({ ...dump, record: { ...dump.record, updatedAt: 7 } }), "different"],
    [
      "another event",
      ({ record, events }) => ({
        record,
        events: { ...events, log: (events["log"] ?? []).map((event) => ({ ...event, data: "x" })) },
      }),
      "different",
    ],
    [
      "a record at another address",
      ({ record, events }) => ({ events, record: { ...record, id: "elsewhere" } }),
      "missing",
    ],
  ])("%s, and moving again mends it", (_what, corrupt, what) =>
    inHouse(async ({ from, to }) => {
      const report = await move(from, corrupting(to, corrupt));
      expect(report.ok).toBe(false);
      expect(report.differences[0]).toMatchObject({ what, changedSince: false });
      expect(report.verified.from.digest).not.toBe(report.verified.to.digest);
      if (what === "missing") expect(report.differences[1]).toMatchObject({ what: "extra", key: { id: "elsewhere" } });
      else expect(await move(from, to)).toMatchObject({ ok: true, resumed: true, counts: { records: 1 } });
    }),
  );

  it("an account that stayed behind", () =>
    inHouse(async ({ from, to }) => {
      const forgetful = replaced(to, { admin: { ...adminOf(to), importAccount: async () => undefined } });
      const report = await move(from, forgetful);
      const kinds = new Set(report.differences.map(({ what }) => what));
      expect([report.ok, kinds]).toEqual([false, new Set(["commit-id", "floor"])]);
    }));

  it("that the source was written to, and says so", () =>
    inHouse(async ({ from, to }) => {
      let written: Promise<unknown> | undefined;
      const onProgress = ({ phase }: MoveProgress): void => {
        const counters = [{ name: "n", by: 1 }];
        if (phase === "verifying")
          written ??= from.commit(owners[11] as Owner, [{ kind: "note", id: "note_9", expect: "present", counters }]);
      };
      const report = await move(from, to, { onProgress });
      await written;
      expect(report).toMatchObject({ ok: false, changedSince: true, differing: 1 });
      expect(await move(from, to)).toMatchObject({ ok: true, resumed: true, counts: { records: 1, alreadyThere: 54 } });
    }));
});

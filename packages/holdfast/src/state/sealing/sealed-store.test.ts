/** What lies above a sealed store sees nothing of it, and what lies below sees nothing of what it keeps. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { resealStore } from "../../admin/reseal.ts";
import { holdfast } from "../../hold.ts";
import type { Owner, StoredRecord } from "../../record/record.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { type SealingKeys, sealingKeys } from "../../security/sealing/keys.ts";
import { around } from "../../store/around.ts";
import type { RecordDump, Store } from "../../store/contract.ts";
import { memoryStore } from "../../stores/memory/index.ts";
import type { Hold, HoldWarning } from "../hold.ts";
import { kind } from "../kind.ts";

const alice: Principal = { issuer: "i", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "i", subject: "bob", scopes: [] };
const secret = (n: number): string => Buffer.alloc(32, n).toString("base64");
const Note = kind("note", {
  schema: z.object({ text: z.string().default(""), tag: z.string().default("") }),
  index: ({ tag }) => ({ tag }),
  sealed: true,
});
const Card = kind("card", { schema: z.object({ name: z.string(), pin: z.string().optional() }), sealed: ["pin"] });
const Plain = kind("plain", { schema: z.object({ text: z.string().default("") }) });
const Diary = kind("diary", { schema: z.object({ text: z.string().default("") }), scope: "named", sealed: true });
const kinds = [Note, Card, Plain, Diary] as const;

let store: Store;
let ring: { current: string; keys: Record<string, string> };
let warnings: HoldWarning[];
const holds: Hold[] = [];

/** A ring that changes as the test says. */
const keys: SealingKeys = {
  current: () => sealingKeys(ring).current(),
  find: (id) => sealingKeys(ring).find(id),
};

async function open(options: { everything?: boolean; acceptUnsealed?: boolean } = {}): Promise<Hold<typeof kinds>> {
  const hold = await holdfast({
    store,
    kinds,
    reap: false,
    sealing: { keys, ...options },
    onWarning: (warning) => warnings.push(warning),
  });
  holds.push(hold);
  return hold;
}

beforeEach(async () => {
  store = await memoryStore();
  ring = { current: "k1", keys: { k1: secret(1) } };
  warnings = [];
});
afterEach(async () => {
  await Promise.all(holds.splice(0).map((hold) => hold.close()));
  await store.close();
});

async function dumpOf(owner: Owner, record: { kind: string; id: string }): Promise<RecordDump> {
  const dump = await store.admin.export(owner, record);
  if (dump === undefined) throw new Error("there is no such record");
  return dump;
}

/** Puts other content in the place of a record's, as somebody could who writes to the database. */
async function plant(
  owner: Owner,
  at: StoredRecord,
  document: string,
  events: RecordDump["events"] = {},
): Promise<void> {
  await store.admin.erase(owner);
  await store.admin.import(owner, { record: { ...at, document }, events });
}

describe("a sealed kind", () => {
  it("is used like any other, and lies in the store as ciphertext", async () => {
    const { note } = (await open()).state(alice);
    const { id } = await note.create({ text: "canary-document", tag: "shown" });
    await note.update(id, (draft) => {
      draft.text = "canary-updated";
    });
    await note.patch(id, { tag: "seen" });
    await note.append(id, "log", { what: "canary-event" });
    await note.increment(id, "n", 2);
    expect((await note.get(id)).value).toEqual({ text: "canary-updated", tag: "seen" });
    expect((await note.events(id, "log")).events.map(({ payload }) => payload)).toEqual([{ what: "canary-event" }]);
    expect((await note.find({ tag: "seen" })).records.map((found) => found.id)).toEqual([id]);
    const stored = JSON.stringify(await dumpOf(ownerOfPrincipal(alice), { kind: "note", id }));
    expect(stored).not.toContain("canary");
    expect(stored).toContain("hs1.k1.");
  });

  it("may be sealed in part", async () => {
    const { card } = (await open()).state(alice);
    const { id } = await card.create({ name: "readable", pin: "canary-1234" });
    await card.patch(id, { name: "still readable" });
    expect((await card.get(id)).value).toEqual({ name: "still readable", pin: "canary-1234" });
    const { record } = await dumpOf(ownerOfPrincipal(alice), { kind: "card", id });
    expect(record.document).toContain("still readable");
    expect(record.document).not.toContain("canary");
  });

  it("leaves others as they are, unless everything is sealed", async () => {
    const stored = async (hold: Hold<typeof kinds>): Promise<string> => {
      const { id } = await hold.state(alice).plain.create({ text: "canary" });
      const session = await hold.sessions(alice).create({ label: "shown", metadata: "canary" });
      await hold.sessions(alice).open(session.id).record("canary-action");
      const records = [
        { kind: "plain", id },
        { kind: "session", id: session.id },
      ];
      const dumps = await Promise.all(records.map((record) => dumpOf(ownerOfPrincipal(alice), record)));
      return JSON.stringify(dumps);
    };
    expect(await stored(await open())).toContain("canary");
    expect(await stored(await open({ everything: true }))).not.toContain("canary");
  });

  it("loses no update of many writers through several processes", async () => {
    const doors = [await open(), await open(), await open()];
    const faces = doors.map((door) => door.state(alice).note);
    const { id } = await (await open()).state(alice).note.create();
    const write = async (n: number): Promise<void> => {
      await faces[n % 3]?.update(id, (draft) => {
        draft.text += "x";
      });
    };
    await Promise.all(Array.from({ length: 30 }, (_, n) => write(n)));
    expect((await faces[0]?.get(id))?.value.text).toBe("x".repeat(30));
  });

  it("can end and begin anew under its name", async () => {
    const { diary } = (await open()).state(alice);
    const first = diary.open("today");
    await first.update((draft) => void (draft.text = "one"));
    expect(await first.destroy()).toBe(true);
    await first.update((draft) => void (draft.text += "two"));
    expect((await diary.open("today").get()).value.text).toBe("two");
  });

  it("begins where the store says, however many begin and end at once", async () => {
    const doors = [await open(), await open(), await open()];
    const live = async (n: number): Promise<void> => {
      const diary = doors[n % 3]?.state(alice).diary.open(`d${n % 4}`);
      await diary?.update((draft) => void (draft.text += "x"));
      await doors[n % 3]?.state(alice).note.create({ text: String(n) });
      if (n % 5 === 0) await diary?.destroy();
      if (n % 7 === 0) await store.admin.reap({ limit: 100 });
    };
    await Promise.all(Array.from({ length: 60 }, (_, n) => live(n)));
    const { note } = (await open()).state(alice);
    const { records } = await note.list({ limit: 100 });
    const values = await Promise.all(records.map(async ({ id }) => Number((await note.get(id)).value.text)));
    expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(warnings).toEqual([]);
  });

  it("refuses a store that begins records wherever it likes, since what was sealed for them would not open", async () => {
    const careless = around(store, {
      commit: (owner, changes, options) => {
        const anywhere = changes.map(({ create, ...rest }) => ({
          ...rest,
          create: create && { ...create, version: undefined },
        }));
        return store.commit(owner, anywhere, options);
      },
    });
    const owner = ownerOfPrincipal(alice);
    await store.commit(owner, [{ kind: "x", id: "a", expect: "absent", create: { text: "{}", lifetime: {} } }]);
    await store.commit(owner, [{ kind: "x", id: "a", expect: "present", end: true }]);
    await store.admin.reap({ limit: 10 });
    const hold = await holdfast({ store: careless, kinds, reap: false, sealing: { keys } });
    holds.push(hold);
    await expect(hold.state(alice).note.create()).rejects.toMatchObject({ code: "STORE_UNSAFE" });
  });

  it("wants keys", async () => {
    await expect(holdfast({ store, kinds })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });
});

describe("ciphertext", () => {
  const broken = { code: "SEAL_BROKEN" };

  async function twoNotes(): Promise<{ hold: Hold<typeof kinds>; a: string; b: string; owner: Owner }> {
    const hold = await open();
    const { note } = hold.state(alice);
    const a = (await note.create({ text: "secret of a" })).id;
    const b = (await note.create({ text: "secret of b" })).id;
    await note.update(a, (draft) => void (draft.text = "second secret of a"));
    await note.append(a, "log", "event of a");
    await note.append(b, "log", "event of b");
    return { hold, a, b, owner: ownerOfPrincipal(alice) };
  }

  it.each([
    ["of another record", (_: StoredRecord, other: StoredRecord) => other.document],
    ["cut short", ({ document }: StoredRecord) => `${document.slice(0, -8)}"`],
    [
      "with one character changed",
      ({ document }: StoredRecord) =>
        `${document.slice(0, 40)}${document[40] === "A" ? "B" : "A"}${document.slice(41)}`,
    ],
    ["replaced by plain text", () => '{"text":"forged","tag":""}'],
    ["replaced by nothing", () => ""],
  ])("%s does not open, is not written over, and can be removed", async (_, forge) => {
    const { a, b, owner } = await twoNotes();
    const [{ record: of, events }, { record: other }] = [
      await dumpOf(owner, { kind: "note", id: a }),
      await dumpOf(owner, { kind: "note", id: b }),
    ];
    const forged = forge(of, other);
    await plant(owner, of, forged, events);
    const { note } = (await open()).state(alice);
    await expect(note.get(a)).rejects.toMatchObject(broken);
    await expect(note.update(a, (draft) => void (draft.text = "over"))).rejects.toMatchObject(broken);
    await expect(note.patch(a, { text: "over" })).rejects.toMatchObject(broken);
    expect((await dumpOf(owner, { kind: "note", id: a })).record.document).toBe(forged);
    expect(warnings).toEqual([expect.objectContaining({ code: "seal-broken" })]);
    expect(JSON.stringify(warnings)).not.toContain(a);
    expect(await note.destroy(a)).toBe(true);
  });

  it("of an older version of the same record does not open at a newer one", async () => {
    const hold = await open();
    const { note } = hold.state(alice);
    const owner = ownerOfPrincipal(alice);
    const { id } = await note.create({ text: "one" });
    await note.update(id, (draft) => void (draft.text = "two"));
    const older = (await dumpOf(owner, { kind: "note", id })).record.document;
    await note.update(id, (draft) => void (draft.text = "three"));
    await plant(owner, (await dumpOf(owner, { kind: "note", id })).record, older);
    await expect((await open()).state(alice).note.get(id)).rejects.toMatchObject(broken);
  });

  it("of another principal does not open, though id and version are the same", async () => {
    const { a, owner } = await twoNotes();
    const { record, events } = await dumpOf(owner, { kind: "note", id: a });
    await store.admin.import(ownerOfPrincipal(bob), { record, events });
    await expect((await open()).state(bob).note.get(a)).rejects.toMatchObject(broken);
  });

  it("of an event does not open in another record, or in another stream", async () => {
    const { a, b, owner } = await twoNotes();
    const mine = await dumpOf(owner, { kind: "note", id: a });
    const others = await dumpOf(owner, { kind: "note", id: b });
    await plant(owner, mine.record, mine.record.document, others.events);
    const { note } = (await open()).state(alice);
    expect((await note.get(a)).value.text).toBe("second secret of a");
    await expect(note.events(a, "log")).rejects.toMatchObject(broken);
  });
});

describe("keys", () => {
  it("can change: the new one seals, the old one still opens", async () => {
    const first = (await open()).state(alice).note;
    const { id } = await first.create({ text: "old" });
    await first.append(id, "log", "old event");
    ring = { current: "k2", keys: { k1: secret(1), k2: secret(2) } };
    const { note } = (await open()).state(alice);
    expect((await note.get(id)).value.text).toBe("old");
    await note.update(id, (draft) => void (draft.text = "new"));
    expect((await dumpOf(ownerOfPrincipal(alice), { kind: "note", id })).record.document).toContain("hs1.k2.");
    expect((await note.events(id, "log")).events[0]?.payload).toBe("old event");
  });

  it("that are gone are an alarm, and no empty record", async () => {
    const { id } = await (await open()).state(alice).note.create({ text: "kept" });
    ring = { current: "k2", keys: { k2: secret(2) } };
    const { note } = (await open()).state(alice);
    await expect(note.get(id)).rejects.toMatchObject({ code: "SEAL_KEY_MISSING", details: { keyId: "k1" } });
    await expect(note.update(id, (draft) => void (draft.text = "over"))).rejects.toMatchObject({
      code: "SEAL_KEY_MISSING",
    });
    expect(warnings).toEqual([expect.objectContaining({ code: "seal-key-missing" })]);
    ring = { current: "k2", keys: { k1: secret(1), k2: secret(2) } };
    expect((await (await open()).state(alice).note.get(id)).value.text).toBe("kept");
  });

  it("that cannot be had are no broken seal", async () => {
    const { id } = await (await open()).state(alice).note.create();
    const down: SealingKeys = {
      current: () => Promise.reject(new Error("the service is down")),
      find: () => Promise.reject(new Error("the service is down")),
    };
    const hold = await holdfast({ store, kinds, sealing: { keys: down } });
    holds.push(hold);
    await expect(hold.state(alice).note.get(id)).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(hold.state(alice).note.create()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("may come to a store that was plain before, if that is said", async () => {
    const plainNote = kind("note", { schema: z.object({ text: z.string(), tag: z.string().default("") }) });
    await using before = await holdfast({ store, kinds: [plainNote] });
    const { id } = await before.state(alice).note.create({ text: "plain" });
    await expect((await open()).state(alice).note.get(id)).rejects.toMatchObject({ code: "SEAL_BROKEN" });
    const { note } = (await open({ acceptUnsealed: true })).state(alice);
    await note.update(id, (draft) => void (draft.text += ", sealed"));
    expect((await (await open()).state(alice).note.get(id)).value.text).toBe("plain, sealed");
  });

  it("are changed under load: everything comes under the new one, nothing is lost, and the old one may go", async () => {
    const owner = ownerOfPrincipal(alice);
    const { note, card } = (await open()).state(alice);
    const ids = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => (await note.create({ text: `${n}:` })).id),
    );
    const pinned = await card.create({ name: "n", pin: "1234" });
    ring = { current: "k2", keys: { k1: secret(1), k2: secret(2) } };
    const writer = (await open()).state(alice).note;
    let stop = false;
    let written = 0;
    const writing = (async () => {
      for (let n = 0; !stop || n < 40; n += 1) {
        await writer.update(ids[n % ids.length] ?? "", (draft) => void (draft.text += "x"));
        written += 1;
      }
    })();
    const seen: number[] = [];
    const report = await resealStore(store, { keys, kinds, onProgress: ({ records }) => seen.push(records) });
    stop = true;
    await writing;
    expect(report).toMatchObject({ records: 21, broken: 0, left: new Map() });
    expect(report.resealed).toBeGreaterThan(0);
    expect(seen).toEqual(Array.from({ length: 21 }, (_, n) => n + 1));
    ring = { current: "k2", keys: { k2: secret(2) } };
    const after = (await open()).state(alice);
    const texts = await Promise.all(ids.map(async (id) => (await after.note.get(id)).value.text));
    expect(texts.join("").replaceAll(/[^x]/g, "")).toHaveLength(written);
    expect((await after.card.get(pinned.id)).value).toEqual({ name: "n", pin: "1234" });
    expect((await dumpOf(owner, pinned)).record.document).toContain("hs1.k2.");
  });

  it("may not go while events, or records that do not open, are under them", async () => {
    const { note } = (await open()).state(alice);
    const { id } = await note.create({ text: "a" });
    await note.append(id, "log", 1);
    await note.append(id, "log", 2);
    ring = { current: "k2", keys: { k1: secret(1), k2: secret(2) } };
    expect(await resealStore(store, { keys, kinds })).toMatchObject({ resealed: 1, left: new Map([["k1", 2]]) });
    ring = { current: "k3", keys: { k3: secret(3) } };
    expect(await resealStore(store, { keys, kinds })).toMatchObject({ resealed: 0, broken: 1 });
  });
});

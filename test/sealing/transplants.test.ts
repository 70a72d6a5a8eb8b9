/** Ciphertext that somebody moved, cut or altered behind the back of every store, and keys that change under load. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Hold,
  type HoldWarning,
  holdfast,
  kind,
  openStore,
  type Principal,
  type SealingKeys,
  sealingKeys,
} from "holdfast";
import { ownerOfIdentity, resealStore } from "holdfast/admin";
import type { Owner, RecordKey, Store } from "holdfast/contract";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

import { openDurable } from "../lib/durable-stores.ts";
import { type RawDocuments, rawDocuments } from "../lib/raw-documents.ts";

const alice: Principal = { issuer: "i", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "i", subject: "bob", scopes: [] };
const owner = ownerOfIdentity(alice);
const secret = (n: number): string => Buffer.alloc(32, n).toString("base64");
const Text = z.object({ text: z.string().default(""), n: z.number().default(0) });
const Note = kind("note", { schema: Text, sealed: true });
const Memo = kind("memo", { schema: Text, sealed: true });
const Diary = kind("diary", { schema: Text, scope: "named", sealed: true });
const Card = kind("card", { schema: z.object({ name: z.string(), pin: z.string() }), sealed: ["pin"] });
const kinds = [Note, Memo, Diary, Card] as const;

type Opened = { readonly url: string; readonly close: () => Promise<void> };

async function sqlite(): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-sealing-"));
  return { url: `sqlite:${join(folder, "state.db")}`, close: () => rm(folder, { recursive: true, force: true }) };
}

async function durable(name: string): Promise<Opened> {
  const opened = await openDurable(name);
  return { url: opened.url, close: async () => opened[Symbol.asyncDispose]() };
}

describe.each([
  ["memory", async (): Promise<Opened> => ({ url: "memory:", close: async () => {} })],
  ["sqlite", sqlite],
  ["postgres", () => durable("postgres")],
  ["redis", () => durable("redis")],
  ["tiered", () => durable("tiered")],
] as const)("in a %s store, ciphertext", (_, start) => {
  let opened: Opened;
  let store: Store;
  let raw: RawDocuments;
  let ring: { current: string; keys: Record<string, string> };
  let warnings: HoldWarning[];
  const keys: SealingKeys = {
    current: () => sealingKeys(ring).current(),
    find: (id) => sealingKeys(ring).find(id),
  };
  const holds: Hold[] = [];

  beforeAll(async () => {
    opened = await start();
    store = await openStore(opened.url);
    raw = await rawDocuments(opened.url, store);
  });
  afterAll(async () => {
    await raw[Symbol.asyncDispose]();
    await store.close();
    await opened.close();
  });
  afterEach(async () => {
    await Promise.all(holds.splice(0).map((hold) => hold.close()));
  });

  /** As another process would: it knows nothing of what was written before. */
  async function open(): Promise<Hold<typeof kinds>> {
    const hold = await holdfast({
      store,
      kinds,
      reap: false,
      sealing: { keys },
      onWarning: (warning) => warnings.push(warning),
    });
    holds.push(hold);
    return hold;
  }

  function begin(): void {
    ring = { current: "k1", keys: { k1: secret(1) } };
    warnings = [];
  }

  /** What was put in its place is refused, told, and left as it is; what was there before still opens. */
  async function expectRefused(
    whose: Owner,
    key: RecordKey,
    forged: string,
    look: () => Promise<unknown>,
  ): Promise<void> {
    const sound = await raw.get(whose, key);
    expect(forged).not.toBe(sound);
    await raw.set(whose, key, forged);
    warnings = [];
    await expect(look()).rejects.toMatchObject({ code: "SEAL_BROKEN" });
    expect(warnings).toEqual([expect.objectContaining({ code: "seal-broken" })]);
    expect(await raw.get(whose, key)).toBe(forged);
    await raw.set(whose, key, sound);
    await expect(look()).resolves.toBeDefined();
  }

  it("opens in no other row, kind, version or principal, nor cut, altered or made up", async () => {
    begin();
    const mine = (await open()).state(alice);
    const { id } = await mine.note.create({ text: "one" });
    const key = { kind: "note", id };
    const versions = [await raw.get(owner, key)];
    for (const text of ["two", "three"]) {
      await mine.note.update(id, (draft) => void (draft.text = text));
      versions.push(await raw.get(owner, key));
    }
    const sound = versions.at(-1) ?? "";
    expect(sound).toMatch(/^"hs1\.k1\./);
    const other = await mine.note.create({ text: "one" });
    const memo = await mine.memo.create({ text: "one" });
    const forgeries = [
      ...versions.slice(0, -1),
      await raw.get(owner, { kind: "note", id: other.id }),
      await raw.get(owner, { kind: "memo", id: memo.id }),
      `${sound.slice(0, -9)}"`,
      `${sound.slice(0, 40)}${sound[40] === "A" ? "B" : "A"}${sound.slice(41)}`,
      `${sound.slice(0, -1)}AAAA"`,
      '{"text":"forged","n":0}',
      "null",
    ];
    for (const forged of forgeries) {
      await expectRefused(owner, key, forged, async () => (await open()).state(alice).note.get(id));
    }
    await raw.set(owner, key, versions[0] ?? "");
    const again = (await open()).state(alice).note;
    await expect(again.update(id, (draft) => void (draft.n += 1))).rejects.toMatchObject({ code: "SEAL_BROKEN" });
    expect(await raw.get(owner, key)).toBe(versions[0]);
    expect(await again.destroy(id)).toBe(true);

    // The same kind, id, incarnation and version of somebody else.
    const named: RecordKey[] = [];
    for (const principal of [alice, bob]) {
      const diary = (await open()).state(principal).diary.open("today");
      named.push({ kind: "diary", id: (await diary.update((draft) => void (draft.text = principal.subject))).id });
    }
    const [hers, his] = named;
    if (hers === undefined || his === undefined) throw new Error("two diaries");
    expect(hers).toEqual(his);
    const stolen = await raw.get(owner, hers);
    const look = async (): Promise<unknown> => (await open()).state(bob).diary.open("today").get();
    await expectRefused(ownerOfIdentity(bob), his, stolen, look);
  });

  it("of an earlier incarnation opens in no later one, be it the first document of both", async () => {
    begin();
    const diary = (await open()).state(alice).diary.open("remade");
    const { id } = await diary.update((draft) => void (draft.text = "first life"));
    const key = { kind: "diary", id };
    const first = await raw.get(owner, key);
    await diary.destroy();
    await diary.update((draft) => void (draft.text = "second life"));
    const look = async (): Promise<{ readonly value: { readonly text: string } }> =>
      (await open()).state(alice).diary.open("remade").get();
    await expectRefused(owner, key, first, look);
    expect((await look()).value.text).toBe("second life");
    // Nor where the tombstone was reaped in between, and the owner's floor says where records begin.
    await diary.destroy();
    while ((await store.admin.reap({ limit: 1_000 })).more);
    await diary.update((draft) => void (draft.text = "third life"));
    await expectRefused(owner, key, first, look);
    expect((await look()).value.text).toBe("third life");
  });

  it("of one member opens in no other record and at no other version", async () => {
    begin();
    const { card } = (await open()).state(alice);
    const [one, two] = [await card.create({ name: "a", pin: "1111" }), await card.create({ name: "b", pin: "2222" })];
    const key = { kind: "card", id: one.id };
    const old = await raw.get(owner, key);
    await card.patch(one.id, { name: "c" });
    for (const forged of [old, await raw.get(owner, { kind: "card", id: two.id }), '{"name":"a","pin":"3333"}']) {
      await expectRefused(owner, key, forged, async () => (await open()).state(alice).card.get(one.id));
    }
  });

  it("is an alarm where its key is gone, and neither served nor written over", async () => {
    begin();
    const { id } = await (await open()).state(alice).note.create({ text: "kept" });
    const before = await raw.get(owner, { kind: "note", id });
    ring = { current: "k2", keys: { k2: secret(2) } };
    const { note } = (await open()).state(alice);
    const missing = { code: "SEAL_KEY_MISSING", details: { keyId: "k1" } };
    await expect(note.get(id)).rejects.toMatchObject(missing);
    await expect(note.patch(id, { text: "over" })).rejects.toMatchObject(missing);
    expect(warnings).toEqual([expect.objectContaining({ code: "seal-key-missing" })]);
    expect(await raw.get(owner, { kind: "note", id })).toBe(before);
    ring = { current: "k2", keys: { k1: secret(1), k2: secret(2) } };
    expect((await (await open()).state(alice).note.get(id)).value.text).toBe("kept");
  });

  it("gets new keys while it is read and written, and nothing is lost", async () => {
    begin();
    const maker = (await open()).state(alice).note;
    const writers = [maker, (await open()).state(alice).note];
    const made = await Promise.all(Array.from({ length: 24 }, () => maker.create({ text: "kept" })));
    const ids = made.map(({ id }) => id);
    ring = { current: "k2", keys: { k1: secret(1), k2: secret(2) } };
    let done = false;
    const written = ids.map(() => 0);
    // Two processes that write all the time, one of them with the old key until it looks at the ring again.
    const load = writers.map(async (note) => {
      for (let turn = 0; !done; turn += 1) {
        const at = turn % ids.length;
        await note.update(ids[at] ?? "", (draft) => void (draft.n += 1));
        written[at] = (written[at] ?? 0) + 1;
      }
    });
    const seen: number[] = [];
    const options = { keys, kinds, onProgress: ({ resealed }: { readonly resealed: number }) => seen.push(resealed) };
    const pass = await resealStore(store, options);
    done = true;
    await Promise.all(load);
    expect(pass.broken).toBe(0);
    expect(seen.length).toBeGreaterThanOrEqual(ids.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    // Whoever still sealed with the old key may have been the last to write: the next pass finds those.
    await resealStore(store, { keys, kinds });
    for (const id of ids) expect(await raw.get(owner, { kind: "note", id })).toMatch(/^"hs1\.k2\./);
    ring = { current: "k2", keys: { k2: secret(2) } };
    const { note } = (await open()).state(alice);
    for (const [n, id] of ids.entries()) expect((await note.get(id)).value).toEqual({ text: "kept", n: written[n] });
  });
});

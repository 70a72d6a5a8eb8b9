/** Keys of each form that was released, read by today's code: whoever has them keeps all of it. */
import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import type { Owner } from "../../record/record.ts";
import type { RecordDump, Store } from "../../store/contract.ts";
import { memoryStore } from "../memory/index.ts";
import { type Frozen, fill, freeze, frozenAt, frozenOwners, internal, remembered, thaw } from "./frozen.test-kit.ts";
import { connectFor, openFor, storeForThisFile } from "./temporary.test-kit.ts";

const options = storeForThisFile();
const clock = `@${frozenAt}`;
const [one, two, erased] = frozenOwners;
let places = 0;

/**
 * What today's code writes: the form by its number, and behind a dot how often something was added to it that the releases
 * before pass over.
 */
const written = "1.1";

function frozenFile(form: string): URL {
  return new URL(`../../../../../test/redis/frozen/form-${form}.json`, import.meta.url);
}

/** A prefix of its own with the frozen keys under it, and a store over them. */
async function thawed(form: string): Promise<Store> {
  const { url } = options();
  places += 1;
  const prefix = `${options().prefix}${places}:`;
  const frozen = JSON.parse(await readFile(frozenFile(form), "utf8")) as Frozen;
  await thaw(await connectFor(url), prefix, frozen);
  return await openFor({ url, prefix }, () => clock);
}

async function everyDump(
  store: Store,
  owners: readonly Owner[] = frozenOwners,
): Promise<readonly (RecordDump | undefined)[]> {
  const dumps: (RecordDump | undefined)[] = [];
  for (const owner of owners) {
    const { records } = await store.admin.scan({ limit: 100, owner });
    for (const { kind, id } of records) dumps.push(await store.admin.export(owner, { kind, id }));
  }
  return dumps;
}

describe.each(["1", written])("keys of form %s", (form) => {
  it("hold every record and event they were made with, to the byte", async () => {
    const store = await thawed(form);
    await using now = await memoryStore({ clock: () => frozenAt });
    await fill(now);
    const dumps = await everyDump(store);
    expect(dumps).toEqual(await everyDump(now));
    expect(dumps).toHaveLength(7);
    expect(await store.admin.stats()).toMatchObject({ records: 7, events: 72 });
  });

  it("still say what was remembered: floors, outcomes, rings, the order of creation", async () => {
    const store = await thawed(form);
    const counters = [{ name: "n", by: 2 }];
    const change = { kind: "note", id: "note_2", expect: "present", counters } as const;
    for (const commitId of [remembered, internal]) {
      expect(await store.commit(two, [change], { commitId })).toMatchObject({ ok: true, replayed: true });
    }
    // The oldest of more ids than a ring holds is forgotten, the next is not.
    for (const [id, replayed] of [
      ["2-69", true],
      ["2-7", true],
      ["2-0", false],
    ] as const) {
      const commitId = { id, digest: "d", origin: "internal" } as const;
      expect(await store.commit(one, [change], { commitId })).toMatchObject({ ok: true, replayed });
    }
    const create = { text: "{}", lifetime: {} };
    const again = await store.commit(two, [{ kind: "note", id: "gone", expect: "absent", create }]);
    expect(again.ok && again.results[0]?.version).toBe(4);
    expect((await store.admin.exportAccount(erased, { limit: 1 }))?.floor).toBe(2);
    const page = await store.list(two, "note", { limit: 9, order: "oldest" });
    expect(page.records.map(({ id }) => id)).toEqual(["note_0", "note_1", "note_2", "gone"]);
    const where = { é: 1, no: null };
    expect((await store.list(two, "note", { limit: 9, order: "newest", where })).records).toMatchObject([
      { id: "note_1" },
    ]);
    expect(await store.usage(one)).toMatchObject({ records: 2, byKind: { note: 2 } });
    expect((await store.admin.owners({ limit: 9 })).owners).toHaveLength(3);
  });

  it("take what comes next, and go when their time is over", async () => {
    const store = await thawed(form);
    const key = { kind: "note", id: "note_0" };
    const appends = [{ stream: "log", data: ["next"] }];
    const answer = await store.commit(one, [{ ...key, expect: 2, appends, document: { text: "3" } }]);
    expect(answer).toMatchObject({ ok: true, results: [{ version: 3, heads: new Map([["log", 141]]) }] });
    const page = await store.events(one, key, "log", { limit: 100 });
    expect(page?.events.map(({ position }) => position)).toEqual(Array.from({ length: 13 }, (_, index) => 129 + index));
    const { url, prefix = "" } = options();
    const later = await openFor({ url, prefix: `${prefix}${places}:` }, () => `@${frozenAt + 86_400_001}`);
    expect((await later.admin.reap({ limit: 100 })).removed).toHaveLength(6);
    expect(await later.admin.stats()).toMatchObject({ records: 1, events: 0 });
  });
});

it("tells of what expires if the form says what is to be closed, and otherwise when it removes it", async () => {
  for (const [form, closed] of [
    ["1", []],
    [written, ["note_0", "note_1", "note_2"]],
  ] as const) {
    await thawed(form);
    const { url, prefix = "" } = options();
    const at = (ms: number): Promise<Store> =>
      openFor({ url, prefix: `${prefix}${places}:` }, () => `@${frozenAt + ms}`);
    const sweep = await (await at(3_600_001)).admin.reap({ limit: 100 });
    expect(sweep.closed.filter(({ owner }) => owner === two).map(({ id }) => id)).toEqual(closed);
    const later = await (await at(3_600_001 + 600_000)).admin.reap({ limit: 100 });
    const gone = later.removed.filter(({ owner, cause }) => owner === two && cause === "expired");
    expect(gone.map((each) => [each.id, each.closed])).toEqual(
      ["note_0", "note_1", "note_2"].map((id) => [id, closed.length > 0]),
    );
  }
});

it("a sweep lets go of what only a later release knows to look at, and changes nothing else", async () => {
  const store = await thawed(written);
  const { url, prefix = "" } = options();
  const line = await connectFor(url);
  const [own, due] = [`${prefix}${places}:`, `{${two}}:d`];
  const whole = await everyDump(store, [two]);
  for (const member of ["z/note/note_0", "z/1", "z/"])
    await line.send(["ZADD", `${own}${due}`, String(frozenAt - 1), member]);
  const later = await openFor({ url, prefix: own }, () => `@${frozenAt + 3_599_999}`);
  await later.admin.reap({ limit: 100 });
  expect(await everyDump(store, [two])).toEqual(whole);
  const members = Object.keys((await freeze(line, own))[due]?.holds ?? {});
  expect(members.filter((member) => member.startsWith("z/"))).toEqual([]);
  expect(members.filter((member) => member.startsWith("x/"))).toHaveLength(3);
});

it("writes the form that its number names, key by key", async () => {
  const { url, prefix } = options();
  const own = `${prefix}now:`;
  await fill(await openFor({ url, prefix: own }, () => clock));
  const keys = await freeze(await connectFor(url), own);
  expect(written.split(".")[0]).toBe(keys["{holdfast}"]?.holds["format"]);
  // A new form's keys are frozen once, by hand: HOLDFAST_SNAPSHOT=form-2 npx vitest run redis/frozen
  if (process.env["HOLDFAST_SNAPSHOT"] === `form-${written}`) {
    await writeFile(frozenFile(written), `${JSON.stringify(keys, undefined, 2)}\n`);
  }
  expect(withoutChance(keys)).toEqual(withoutChance(JSON.parse(await readFile(frozenFile(written), "utf8")) as Frozen));
});

/** Less what is drawn by lot, and what has no order of its own. */
function withoutChance(frozen: Frozen): Frozen {
  const entries = Object.entries(frozen).map(([name, { type, holds }]) => {
    const { cursors: _drawn, k: _counts, ...rest } = holds;
    return [name, { type, holds: rest }] as const;
  });
  return Object.fromEntries(entries);
}

import { join } from "node:path";
import { expect, it } from "vitest";

import type { Change, CounterChange } from "../../record/change.ts";
import { ownerOf } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import type { CommitOptions, Store } from "../../store/contract.ts";
import { memoryStore } from "../memory/index.ts";
import { loadDriver } from "./client.ts";
import { openFor, temporaryFolder } from "./temporary.test-kit.ts";

const rounds = 400;
const kinds = ["note", "cart", "holdfast.inner"];
const streams = ["log", "__proto__"];

type Random = (below: number) => number;

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

function pick<T>(random: Random, list: readonly [T, ...T[]]): T {
  return list[random(list.length)] ?? list[0];
}

function someText(random: Random): string {
  const length = pick(random, [0, 5, 60, 300, 900, 1_100, 5_000]);
  return pick(random, ["x", "é", "\0", "😀", '"'] as const).repeat(length);
}

function someChange(random: Random, id: number): Change {
  const text = someText(random);
  const lifetime = pick(random, [
    {},
    {},
    { idleMs: 1_000 },
    { idleMs: 500, absoluteMs: 2_000, retainMs: 700 },
    { retainMs: 1_500 },
  ] as const);
  const counters: readonly CounterChange[] | undefined =
    random(3) === 0 ? [{ name: pick(random, ["n", "__proto__"]), by: random(9) - 3, min: -5 }] : undefined;
  return {
    kind: pick(random, ["note", "cart", "holdfast.inner"]),
    id: `r${id}`,
    expect: pick(random, ["any", "any", "any", "present", "absent", 1, 2, 3] as const),
    create: { text, lifetime, fields: { label: `l${random(5)}` } },
    ...(random(2) === 0 && { document: { text: someText(random), position: random(4) } }),
    ...(counters !== undefined && { counters }),
    ...(random(2) === 0 && {
      appends: streams.slice(0, 1 + random(2)).map((stream) => ({
        stream,
        data: Array.from({ length: random(5) }, () => someText(random)),
        ...(random(3) === 0 && { keep: random(6) }),
        ...(random(8) === 0 && { expectedHead: random(5) }),
      })),
    }),
    ...(random(6) === 0 && {
      trims: [
        { stream: "log", through: random(12) },
        { stream: "log", through: random(12) },
      ],
    }),
    ...(random(10) === 0 && { lifetime: { idleMs: 800 } }),
    ...(random(3) === 0 && { slide: true }),
    ...(random(8) === 0 && { end: true }),
  };
}

function someCommit(
  random: Random,
  round: number,
): { readonly changes: readonly Change[]; readonly options: CommitOptions } {
  const changes = Array.from({ length: 1 + random(3) }, (_, index) => someChange(random, index * 10 + random(6)));
  const origin = pick(random, ["caller", "internal"] as const);
  return {
    changes,
    options: {
      ...(random(4) === 0 && { commitId: { id: `c${round - random(20)}`, digest: pick(random, ["a", "b"]), origin } }),
      ...(random(5) === 0 && { fence: { key: { kind: "note", id: "r1" }, token: 1 + random(3) } }),
      ...(random(2) === 0 && {
        quota: { records: 4 + random(6), bytes: 20_000 + random(20_000), ofKind: { note: 5 } },
      }),
    },
  };
}

/** Everything an owner can see, and everything an operator can. */
async function pictureOf(store: Store, owners: readonly Owner[]): Promise<unknown> {
  const picture: unknown[] = [];
  for (const owner of owners) {
    picture.push(await store.usage(owner));
    for (const kind of kinds) {
      const { records } = await store.list(owner, kind, { limit: 100, order: "newest" });
      for (const record of records) {
        const tails = streams.flatMap((stream) => [
          { stream, after: "document" as const, limit: 100 },
          { stream, after: { last: 3 }, limit: 100 },
        ]);
        picture.push(await store.read(owner, record, { tails }));
        for (const order of ["oldest", "newest"] as const) {
          picture.push(
            await store.events(owner, record, "log", { limit: 7, after: 2, before: 30, maxBytes: 2_000, order }),
          );
        }
        picture.push(await store.admin.export(owner, record));
      }
      picture.push(records);
    }
  }
  picture.push(await store.admin.stats());
  return picture;
}

it.each([1, 2, Date.now() % 1_000_000])(
  "answers like the memory store, whatever is done to both (seed %i)",
  async (seed) => {
    const random = randomFrom(seed);
    let now = 1_800_000_000_000;
    const clock = (): number => now;
    const folder = await temporaryFolder();
    const path = join(folder, "state.db");
    // Two openings with a small cache, so that rows are read as often as they are remembered.
    const openings = [await openFor({ path, clock, cacheBytes: 64 * 1024 }), await openFor({ path, clock })] as const;
    const memory = await memoryStore({ clock });
    const owners = ["a", "b"].map((subject) => ownerOf({ issuer: "differential", subject })) as [Owner, Owner];

    for (let round = 0; round < rounds; round += 1) {
      const sqlite = pick(random, openings);
      const owner = pick(random, owners);
      const commits = Array.from({ length: 1 + random(6) }, () => someCommit(random, round));
      const both = await Promise.all(
        [sqlite, memory].map((store) =>
          Promise.all(commits.map(({ changes, options }) => store.commit(owner, changes, options))),
        ),
      );
      expect(both[0], `round ${round}: ${JSON.stringify(commits).slice(0, 2_000)}`).toEqual(both[1]);
      now += random(150);
      if (random(12) === 0) {
        const [one, other] = await Promise.all([sqlite, memory].map((store) => store.admin.reap({ limit: 100 })));
        const sorted = (list: typeof one): unknown => list?.removed.map((gone) => JSON.stringify(gone)).sort();
        expect(sorted(one), `reaped in round ${round}`).toEqual(sorted(other));
      }
      if (random(60) === 0) {
        expect(await sqlite.admin.erase(owner)).toBe(await memory.admin.erase(owner));
      }
      if (random(10) === 0)
        expect(await pictureOf(pick(random, openings), owners), `round ${round}`).toEqual(
          await pictureOf(memory, owners),
        );
    }
    for (const store of openings) expect(await pictureOf(store, owners)).toEqual(await pictureOf(memory, owners));
    await memory.close();
    await expectCountsToHold(path);
  },
);

/** What the owners' rows say against what is there. */
async function expectCountsToHold(path: string): Promise<void> {
  const database = (await loadDriver()).open(path);
  const orphans = database
    .prepare(
      "select (select count(*) from events where record not in (select id from records)) as events, " +
        "(select count(*) from documents where record not in (select id from records where document is null)) as documents",
    )
    .get();
  const stored = database
    .prepare("select sum(stored) as said, (select count(*) from records) as found from owners")
    .get();
  const check = database.prepare("pragma integrity_check").get();
  database.close();
  expect({ ...orphans }).toEqual({ events: 0, documents: 0 });
  expect(stored?.["said"]).toBe(stored?.["found"]);
  expect(check?.["integrity_check"]).toBe("ok");
}

/** What is kept of an owner is what counting would find, whoever writes. */
import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";

import type { Change } from "../../record/change.ts";
import { ownerOf } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import type { SingleConnection } from "./driver.ts";
import { connectFor, databaseForThisFile, openFor } from "./temporary.test-kit.ts";
import { commitToWire } from "./wire.ts";

const database = databaseForThisFile();

function someone(name: string): Owner {
  return ownerOf({ issuer: "test", subject: name });
}

function making(id: string, lifetime: object = {}): Change {
  return { kind: "note", id, expect: "any", create: { text: "{}", lifetime } };
}

/** Rows of an owner, counted one by one. */
async function counted(connection: SingleConnection, owner: Owner, now: number): Promise<unknown> {
  const { rows } = await connection.query(
    `select count(*) filter (where holdfast.live_1(ended_at, expires_at, $2)) as records,
      coalesce(sum(document_bytes + event_bytes), 0) as bytes from holdfast.records where owner = $1`,
    [owner, now],
  );
  return { records: Number(rows[0]?.["records"]), bytes: Number(rows[0]?.["bytes"]) };
}

it("checks a quota without looking at the owner's records, however many there are", async () => {
  const owner = someone("many");
  const store = await openFor({ url: database() });
  const connection = await connectFor(database());
  await store.commit(owner, [making("first")]);
  await connection.query(
    `insert into holdfast.records (owner, kind, id, place, version, incarnation, created_at, updated_at, touched_at,
        document_position, document_bytes, event_bytes, counters, streams)
      select $1, 'note', 'n' || n, n + 1, 1, 1, 0, 0, 0, 0, 2, 0, '{}', '{}' from generate_series(1, 20000) n`,
    [owner],
  );
  expect(await store.usage(owner)).toEqual({ records: 20_001, bytes: 40_002, byKind: { note: 20_001 } });
  await connection.query("select holdfast.reap_4(1, 0)");

  const rowsRead = async (): Promise<number> => {
    const { rows } = await connection.query(
      "select sum(seq_tup_read + idx_tup_fetch) as read from pg_stat_xact_user_tables where schemaname = 'holdfast'",
    );
    return Number(rows[0]?.["read"]);
  };
  const tried = async (limit: number): Promise<unknown> => {
    const options = { quota: { records: limit, ofKind: { note: limit }, bytes: 1e9 } };
    const batch = JSON.stringify([commitToWire(owner, [making(`new-${limit}`)], options, false)]);
    await connection.query("begin");
    const before = await rowsRead();
    const { rows } = await connection.query("select holdfast.commit_2($1, false, 0) as outcomes", [batch]);
    expect((await rowsRead()) - before).toBeLessThan(50);
    await connection.query("rollback");
    return rows[0]?.["outcomes"];
  };
  expect(await tried(20_002)).toMatchObject([{ results: [{ created: true }] }]);
  expect(await tried(20_001)).toMatchObject([{ refusal: { reason: "quota" } }]);
});

it("waits for no owner's row where no quota is to be kept: appends, changes and ends go on", async () => {
  const owner = someone("busy");
  const store = await openFor({ url: database() });
  const connection = await connectFor(database());
  await store.commit(owner, [making("a"), making("b")]);
  await connection.query("begin");
  await connection.query("select from holdfast.owners where owner = $1 for update", [owner]);
  const appends = [{ stream: "log", data: ["xyz"] }];
  await store.commit(owner, [{ kind: "note", id: "a", expect: "present", appends, document: { text: "1234" } }]);
  await store.commit(owner, [{ kind: "note", id: "b", expect: "present", end: true }]);
  expect(await store.usage(owner)).toEqual({ records: 1, bytes: 7, byKind: { note: 1 } });
  await connection.query("commit");

  const quota = { records: 2 };
  expect((await store.commit(owner, [making("c")], { quota })).ok).toBe(true);
  expect((await store.commit(owner, [making("d")], { quota })).ok).toBe(false);
  expect(await store.usage(owner)).toEqual({ records: 2, bytes: 9, byKind: { note: 2 } });
});

it("lets go of what expired at once, settles it once that is much, and counts what is made again", async () => {
  const owner = someone("expiring");
  let ahead = 0;
  const store = await openFor({ url: database() }, () => ahead);
  const connection = await connectFor(database());
  const many = Array.from({ length: 160 }, (_, index) => making(`n${index}`, { idleMs: 60_000, retainMs: 1e9 }));
  for (let from = 0; from < many.length; from += 16) await store.commit(owner, many.slice(from, from + 16));
  const settled = async (): Promise<number> => {
    const { rows } = await connection.query("select count(*) from holdfast.records where owner = $1 and settled", [
      owner,
    ]);
    return Number(rows[0]?.["count"]);
  };

  ahead = 70_000;
  expect((await store.usage(owner)).records).toBe(0);
  expect(await settled()).toBe(0);
  const quota = { records: 3 };
  expect((await store.commit(owner, [making("new")], { quota })).ok).toBe(true);
  expect(await settled()).toBe(160);
  expect((await store.usage(owner)).records).toBe(1);
  expect((await store.commit(owner, [making("n1"), making("n2")], { quota })).ok).toBe(true);
  expect((await store.commit(owner, [making("n3")], { quota })).ok).toBe(false);
  expect((await store.usage(owner)).records).toBe(3);
  expect(await settled()).toBe(158);
  await store.commit(owner, [{ kind: "note", id: "n1", expect: "present", end: true }]);
  expect((await store.usage(owner)).records).toBe(2);
  expect(await store.usage(owner)).toMatchObject((await counted(connection, owner, Date.now() + ahead)) as object);
});

it("counts exactly whatever this release and the first one do at once", async () => {
  const seed = Date.now() % 2 ** 31;
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const owner = someone("both");
  let ahead = 0;
  const stores = [await openFor({ url: database() }, () => ahead), await openFor({ url: database() }, () => ahead)];
  const hands = 8;
  const connections = await Promise.all(Array.from({ length: hands }, () => connectFor(database())));
  const quota = { records: 12, bytes: 400 };

  const change = (): Change => {
    const key = { kind: random(4) === 0 ? "other" : "note", id: `r${random(20)}` };
    const lifetime = [{}, { idleMs: 500 }, { idleMs: 400, retainMs: 1_000 }][random(3)] ?? {};
    const appends = random(2) === 0 ? [{ stream: "log", data: ["x".repeat(random(30))], keep: 2 }] : undefined;
    return {
      ...key,
      expect: "any",
      create: { text: "x".repeat(random(40)), lifetime },
      document: random(3) === 0 ? { text: "y".repeat(random(40)) } : undefined,
      appends,
      slide: true,
      end: random(5) === 0,
    };
  };
  const step = async (connection: SingleConnection): Promise<void> => {
    const options = random(2) === 0 ? { quota } : {};
    const which = random(10);
    const store = stores[random(2)];
    if (store === undefined) throw new Error("neither");
    if (which < 5) await store.commit(owner, [change()], options);
    else if (which < 8) {
      const batch = JSON.stringify([commitToWire(owner, [change()], options, true)]);
      await connection.query("select holdfast.commit_1($1, true, $2)", [batch, ahead]);
    } else if (which === 8) await connection.query("select holdfast.reap_1(3, $1)", [ahead]);
    else await store.admin.reap({ limit: 3 });
  };
  let compared = 0;
  const [looking] = connections;
  if (looking === undefined) throw new Error("no connection");
  for (let round = 0; round < 25; round += 1) {
    await Promise.all(connections.map(step));
    ahead += random(300);
    const before = await counted(looking, owner, Date.now() + ahead);
    const seen = await stores[0]?.usage(owner);
    // Where a record expires between two looks, there is nothing to compare.
    if (!isDeepStrictEqual(before, await counted(looking, owner, Date.now() + ahead))) continue;
    compared += 1;
    expect({ seed, round, seen: { records: seen?.records, bytes: seen?.bytes } }).toEqual({
      seed,
      round,
      seen: before,
    });
  }
  expect(compared).toBeGreaterThan(5);
  await looking.query("select holdfast.erase_1($1)", [owner]);
  expect(await stores[0]?.usage(owner)).toEqual({ records: 0, bytes: 0, byKind: {} });
});

/** What the server is told, what it takes back, and what takes too long. */
import { expect, it } from "vitest";

import { connectFor, databaseForThisFile, freshDatabase, openFor, owner } from "./temporary.test-kit.ts";

const database = databaseForThisFile();

function making(id: string): {
  kind: string;
  id: string;
  expect: "absent";
  create: { text: string; lifetime: object };
} {
  return { kind: "note", id, expect: "absent", create: { text: "{}", lifetime: {} } };
}

/** Runs `body` whenever a record of this id is written. */
async function whenWriting(id: string, body: string): Promise<void> {
  const connection = await connectFor(database());
  await connection.query(`
    create function on_${id}() returns trigger language plpgsql as $$ begin ${body} return new; end $$;
    create trigger on_${id} before insert on holdfast.records for each row when (new.id = '${id}')
      execute function on_${id}()`);
}

it.for(["40001", "40P01"])(
  "repeats what the server took back for the sake of others (%s), once it goes",
  async (state) => {
    const store = await openFor({ url: database() });
    const connection = await connectFor(database());
    const id = `back${state.toLowerCase()}`;
    // Sequences are not rolled back, and so can count what was.
    await connection.query(`create sequence tries_${id}`);
    await whenWriting(
      id,
      `if nextval('tries_${id}') < 3 then raise exception 'not now' using errcode = '${state}'; end if;`,
    );
    expect(await store.commit(owner, [making(id)])).toMatchObject({ ok: true, results: [{ version: 1 }] });
    const { rows } = await connection.query(`select last_value from tries_${id}`);
    expect(rows).toEqual([{ last_value: "3" }]);
  },
);

it("gives up, naming the state, where the server takes it back every time", async () => {
  const store = await openFor({ url: database() });
  await whenWriting("never", "raise exception 'not now' using errcode = '40001';");
  await expect(store.commit(owner, [making("never")])).rejects.toMatchObject({
    code: "UNAVAILABLE",
    details: { sqlState: "40001" },
  });
  expect((await store.read(owner, { kind: "note", id: "never" })).record).toBeUndefined();
});

it("ends a statement that takes too long, having written nothing, and serves the next", async () => {
  const store = await openFor({ url: database(), statementTimeoutMs: 300 });
  await whenWriting("slow", "perform pg_sleep(60);");
  await expect(store.commit(owner, [making("slow")])).rejects.toMatchObject({
    code: "UNAVAILABLE",
    details: { sqlState: "57014" },
  });
  expect((await store.read(owner, { kind: "note", id: "slow" })).record).toBeUndefined();
  expect((await store.commit(owner, [making("next")])).ok).toBe(true);
});

it("waits for a free connection no longer than it says, and goes on once there is one", async () => {
  const store = await openFor({ url: database(), maxConnections: 2, connectTimeoutMs: 200, lockTimeoutMs: 30_000 });
  await store.commit(owner, [making("held")]);
  const connection = await connectFor(database());
  await connection.query("begin");
  await connection.query("select from holdfast.records where id = 'held' for update");
  // Each waits for the row on a connection of its own, once the first try has passed over it.
  const change = { kind: "note", id: "held", expect: "present", counters: [{ name: "n", by: 1 }] } as const;
  const waiting = [store.commit(owner, [change])];
  const waits =
    "select count(*)::integer as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
  // Not on that connection: inside a transaction the view stands still.
  const looking = await connectFor(database());
  const waitingNow = async (): Promise<unknown> => (await looking.query(waits)).rows[0]?.["n"];
  await expect.poll(waitingNow, { timeout: 10_000 }).toBe(1);
  waiting.push(store.commit(owner, [change]));
  await expect.poll(waitingNow, { timeout: 10_000 }).toBe(2);
  await expect(store.read(owner, { kind: "note", id: "held" })).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await connection.query("commit");
  expect((await Promise.all(waiting)).map(({ ok }) => ok)).toEqual([true, true]);
  expect((await store.read(owner, { kind: "note", id: "held" })).record?.counters.get("n")).toBe(2);
});

it("tells the server its deadlines within each transaction, and leaves the session as it was", async () => {
  const store = await openFor({ url: database(), maxConnections: 2, statementTimeoutMs: 4_000, lockTimeoutMs: 1_500 });
  const connection = await connectFor(database());
  const settings = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit"];
  const current = settings.map((name) => `current_setting('${name}')`).join(", ");
  await connection.query("create table told (settings text[], pid integer)");
  await whenWriting("told", `insert into told values (array[${current}], pg_backend_pid());`);
  await store.commit(owner, [making("told")]);
  const { rows } = await connection.query("select settings from told");
  expect(rows).toEqual([{ settings: ["4s", "1500ms", "4s", "on"] }]);
});

it("has the server itself end a read that takes too long, rather than leave it behind", async () => {
  const store = await openFor({ url: database(), statementTimeoutMs: 300 });
  const connection = await connectFor(database());
  const looking = await connectFor(database());
  await connection.query("begin");
  await connection.query("lock table holdfast.records in access exclusive mode");
  const reads = [
    store.read(owner, { kind: "note", id: "one" }),
    store.read(owner, { kind: "note", id: "two" }),
    store.list(owner, "note", { limit: 1, order: "oldest" }),
    store.admin.scan({ limit: 1 }),
  ];
  for (const read of await Promise.allSettled(reads)) {
    expect(read).toMatchObject({ status: "rejected", reason: { code: "UNAVAILABLE", details: { sqlState: "57014" } } });
  }
  const { rows } = await looking.query(
    "select count(*)::integer as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
  );
  expect(rows).toEqual([{ n: 0 }]);
  await connection.query("commit");
  expect((await store.read(owner, { kind: "note", id: "one" })).record).toBeUndefined();
});

it("reads and commits at its own level of isolation, whatever the database's", async () => {
  const url = await freshDatabase();
  const connection = await connectFor(url);
  const name = new URL(url).pathname.slice(1);
  await connection.query(`alter database ${name} set default_transaction_isolation = 'serializable'`);
  const nodes = await Promise.all([openFor({ url }), openFor({ url }), openFor({ url })]);
  await nodes[0]?.commit(owner, [making("hot")]);
  const change = { kind: "note", id: "hot", expect: "present", counters: [{ name: "n", by: 1 }] } as const;
  const commits = nodes.flatMap((node) => Array.from({ length: 30 }, () => node.commit(owner, [change])));
  expect((await Promise.all(commits)).every(({ ok }) => ok)).toBe(true);
  expect((await nodes[0]?.read(owner, { kind: "note", id: "hot" }))?.record?.counters.get("n")).toBe(90);
});

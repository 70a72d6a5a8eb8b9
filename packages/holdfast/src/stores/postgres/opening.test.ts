import { expect, it } from "vitest";

import { postgresStore } from "./index.ts";
import { schemaVersion } from "./migrations/index.ts";
import { connectFor, databaseForThisFile, openFor, owner } from "./temporary.test-kit.ts";

const database = databaseForThisFile();

it("lets many nodes open an empty database at once: one makes the schema, all go on", async () => {
  const stores = await Promise.all(Array.from({ length: 8 }, () => openFor({ url: database() })));
  const make = { kind: "note", expect: "absent", create: { text: "{}", lifetime: {} } } as const;
  await Promise.all(stores.map((store, index) => store.commit(owner, [{ ...make, id: `n${index}` }])));
  expect((await stores[0]?.usage(owner))?.records).toBe(8);
  const connection = await connectFor(database());
  const { rows } = await connection.query("select number from holdfast.migrations order by number");
  expect(rows).toEqual(Array.from({ length: schemaVersion }, (_, index) => ({ number: index + 1 })));
});

it("serves a newer schema that says it goes with this release, and refuses one that says it does not", async () => {
  await openFor({ url: database() });
  const connection = await connectFor(database());
  await connection.query("insert into holdfast.migrations (number, oldest) values (998, $1)", [schemaVersion]);
  await openFor({ url: database() });
  await connection.query("insert into holdfast.migrations (number, oldest) values (999, 999)");
  await expect(postgresStore({ url: database() })).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
  await connection.query("delete from holdfast.migrations where number > $1", [schemaVersion]);
});

it("makes every commit durable though the database says synchronous_commit = off", async () => {
  const connection = await connectFor(database());
  const { rows } = await connection.query("select current_database() as name");
  await connection.query(`alter database ${String(rows[0]?.["name"])} set synchronous_commit = off`);
  const store = await openFor({ url: database() });
  await connection.query(
    "create table seen (setting text); create function see() returns trigger language plpgsql as " +
      "$$ begin insert into seen values (current_setting('synchronous_commit')); return new; end $$; " +
      "create trigger see before insert on holdfast.records for each row execute function see()",
  );
  await store.commit(owner, [{ kind: "note", id: "durable", expect: "absent", create: { text: "{}", lifetime: {} } }]);
  const seen = await connection.query("select setting from seen");
  expect(seen.rows).toEqual([{ setting: "on" }]);
});

it("says what to correct where PostgreSQL lets nobody in, has no such database, or does not allow what is needed", async () => {
  const at = (change: (url: URL) => void): string => {
    const url = new URL(database());
    change(url);
    return url.href;
  };
  const connection = await connectFor(database());
  const role = `stranger_${process.pid}`;
  await connection.query(`create role ${role} login`);
  const urls = [
    [at((url) => void (url.username = "nobody_at_all")), "let this user in"],
    [at((url) => void (url.pathname = "/nowhere")), "has no database of that name"],
    [at((url) => void (url.username = role)), "does not allow this user what is needed"],
  ] as const;
  try {
    for (const [url, said] of urls) {
      const message = expect.stringContaining(said) as string;
      await expect(postgresStore({ url })).rejects.toMatchObject({ code: "CONFIGURATION", message });
    }
  } finally {
    await connection.query(`drop role ${role}`);
  }
});

it("names the option that is wrong, and never the URL", async () => {
  const secret = "postgres://user:secret@127.0.0.1:1/none";
  await expect(postgresStore({ url: "mysql://user:secret@host" })).rejects.toMatchObject({ code: "CONFIGURATION" });
  await expect(postgresStore({ url: secret, maxBatch: 0 })).rejects.toThrow(/^maxBatch /);
  // @ts-expect-error -- a name that does not exist
  await expect(postgresStore({ url: secret, pool: 3 })).rejects.toThrow(/^"pool" is not an option/);
  const refused = await postgresStore({ url: secret }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "UNAVAILABLE" });
  expect(String(refused)).not.toContain("secret");
});

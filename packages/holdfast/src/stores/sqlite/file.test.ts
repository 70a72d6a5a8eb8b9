import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

import { isSafeVersion, loadDriver } from "./client.ts";
import { sqliteStore } from "./index.ts";
import { applicationId, checkVersion, migrate, migrations, schemaVersion } from "./migrations.ts";
import { openFor, owner, temporaryFolder } from "./temporary.test-kit.ts";

const make = { kind: "note", id: "a", expect: "absent", create: { text: "{}", lifetime: {} } } as const;

it("makes missing folders and files for this user only", async () => {
  const folder = join(await temporaryFolder(), "deep", "er");
  await openFor({ path: join(folder, "state.db") });
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  for (const name of ["state.db", "state.db-wal", "state.db-shm"]) {
    expect((await stat(join(folder, name))).mode & 0o777, name).toBe(0o600);
  }
});

it("refuses a folder, and says which file to name", async () => {
  const path = await temporaryFolder();
  await expect(sqliteStore({ path })).rejects.toMatchObject({
    code: "CONFIGURATION",
    message: `${path} is a folder; name a file in it, such as ${join(path, "state.db")}`,
  });
});

it("leaves the file whole and alone after close", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const store = await sqliteStore({ path });
  await store.commit(owner, [make]);
  await store.close();
  await store.close();
  // Everything is in the database file now; a driver may or may not have deleted the empty WAL file by then.
  const copy = join(dirname(path), "copy.db");
  await copyFile(path, copy);
  expect((await (await openFor({ path: copy })).read(owner, make)).record?.document).toBe("{}");
  const again = await openFor({ path });
  expect((await again.read(owner, make)).record?.document).toBe("{}");
});

it("meets the same file through a link, and beside another opening of this process", async () => {
  const folder = await temporaryFolder();
  await symlink(folder, `${folder}-link`);
  const one = await openFor({ path: join(folder, "state.db") });
  const other = await openFor({ path: join(`${folder}-link`, "state.db") });
  await one.commit(owner, [make]);
  expect((await other.read(owner, make)).record?.version).toBe(1);
  await rename(`${folder}-link`, join(folder, "link"));
});

it("lets many openings at once make one schema", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const stores = await Promise.all(Array.from({ length: 12 }, () => openFor({ path })));
  const answers = await Promise.all(stores.map((store) => store.commit(owner, [make])));
  expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
});

it("takes no file for another program's that another process is making while it looks", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const driver = await loadDriver();
  const [one, other] = [driver.open(path), driver.open(path)];
  one.exec("pragma journal_mode = wal");
  let looks = 0;
  const looking: typeof one = {
    get isTransaction() {
      return one.isTransaction;
    },
    exec: (sql) => one.exec(sql),
    close: () => one.close(),
    prepare: (sql) => {
      looks += 1;
      if (looks === 3) migrate(other);
      return one.prepare(sql);
    },
  };
  expect(checkVersion(looking)).toBe(0);
  expect(looks).toBe(3);
  expect(checkVersion(looking)).toBe(schemaVersion);
  for (const database of [one, other]) database.close();
});

it("refuses a file of a newer release, and does not touch it", async () => {
  const path = join(await temporaryFolder(), "state.db");
  await (await sqliteStore({ path })).close();
  const database = (await loadDriver()).open(path);
  // All of it into the file now: a driver that lets go of connections late would otherwise do that while we look.
  database.exec(`pragma user_version = ${schemaVersion + 1}; pragma wal_checkpoint(truncate)`);
  database.close();
  const before = await readFile(path);
  await expect(sqliteStore({ path })).rejects.toMatchObject({
    code: "SCHEMA_MISMATCH",
    details: { found: schemaVersion + 1 },
  });
  expect(before.equals(await readFile(path))).toBe(true);
});

it("stops writing once a newer release has changed the schema under it", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const store = await openFor({ path });
  await store.commit(owner, [make]);
  const database = (await loadDriver()).open(path);
  database.exec(`pragma user_version = ${schemaVersion + 1}`);
  database.close();
  const change = { ...make, expect: "present", counters: [{ name: "n", by: 1 }] } as const;
  await expect(store.commit(owner, [change])).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
  await expect(store.commit(owner, [change])).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
  await expect(store.read(owner, make)).rejects.toMatchObject({ code: "SCHEMA_MISMATCH" });
});

it("refuses another program's database, and does not touch it", async () => {
  const path = join(await temporaryFolder(), "state.db");
  const database = (await loadDriver()).open(path);
  database.exec("create table theirs (x)");
  database.close();
  const before = await readFile(path);
  await expect(sqliteStore({ path })).rejects.toMatchObject({ code: "CONFIGURATION" });
  expect(before.equals(await readFile(path))).toBe(true);
});

it("calls a file that is no database corrupt, and one that was damaged later too", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "text.db"), "not a database at all, but long enough to have a header ".repeat(20));
  await expect(sqliteStore({ path: join(folder, "text.db") })).rejects.toMatchObject({ code: "STORE_CORRUPT" });

  const path = join(folder, "state.db");
  const store = await sqliteStore({ path });
  for (let index = 0; index < 50; index += 1) await store.commit(owner, [{ ...make, id: `r${index}` }]);
  await store.close();
  const bytes = await readFile(path);
  await writeFile(path, bytes.fill(0x5a, 4096));
  const damaged = await openFor({ path });
  await expect(damaged.read(owner, { kind: "note", id: "r1" })).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  await expect(damaged.commit(owner, [make])).rejects.toMatchObject({ code: "STORE_CORRUPT" });
});

it("refuses options that make no sense, by name", async () => {
  const path = join(await temporaryFolder(), "state.db");
  for (const [options, words] of [
    [{ path: "" }, "path"],
    [{ path: ":memory:" }, "memory store"],
    [{ path: "file:x?mode=memory" }, "memory store"],
    [{ path, synchronous: "off" }, "synchronous"],
    [{ path, maxBatch: 0 }, "maxBatch"],
    [{ path, cacheByte: 1 }, "cacheByte"],
  ] as const) {
    // Such options come from files and flags, past the type checker.
    await expect(sqliteStore(options as { path: string }), words).rejects.toMatchObject({
      code: "CONFIGURATION",
      message: expect.stringContaining(words),
    });
  }
});

it("acknowledges nothing that would be lost: neither once the file is gone, nor once another is in its place", async () => {
  const folder = await temporaryFolder();
  const path = join(folder, "state.db");
  const store = await openFor({ path });
  await store.commit(owner, [make]);
  await store.health();
  const change = { ...make, expect: "present", create: undefined, document: { text: "[]" } } as const;
  await rename(path, join(folder, "old.db"));
  await expect(store.commit(owner, [change])).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await writeFile(path, "");
  await expect(store.commit(owner, [change])).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect((await store.health()).ok).toBe(false);
  await rename(join(folder, "old.db"), path);
  expect((await store.commit(owner, [change])).ok).toBe(true);
  expect((await store.read(owner, make)).record).toMatchObject({ version: 2, document: "[]" });
});

it.skipIf(process.platform === "win32")("follows no link that was put beside it, and waits for no pipe", async () => {
  const folder = await temporaryFolder();
  const path = join(folder, "state.db");
  const precious = join(folder, "precious");
  await writeFile(precious, "precious");
  await symlink(precious, `${path}-hint`);
  const [one, other] = [await openFor({ path }), await openFor({ path })];
  let heard = 0;
  other.subscribe("t", () => void (heard += 1));
  one.publish("t", "hint");
  await one.close();
  expect(await readFile(precious, "utf8")).toBe("precious");
  await rm(`${path}-hint`);
  execFileSync("mkfifo", [`${path}-hint`]);
  const third = await openFor({ path });
  // Far more than there are threads for files, were each to wait for the pipe's other end.
  for (let n = 0; n < 20; n += 1) third.subscribe("t", () => undefined)();
  third.publish("t", "hint");
  await third.close();
  await other.commit(owner, [make]);
  await other.close();
  expect(heard).toBeLessThan(20);
  await rm(`${path}-wal`, { force: true });
  await symlink(precious, `${path}-wal`);
  await expect(sqliteStore({ path })).rejects.toMatchObject({
    code: "CONFIGURATION",
    message: expect.stringContaining("-wal is a symbolic link"),
  });
  expect(await readFile(precious, "utf8")).toBe("precious");
});

it("says in its health what survives, and notices that the file was replaced", async () => {
  const folder = await temporaryFolder();
  const path = join(folder, "state.db");
  const store = await openFor({ path, synchronous: "normal" });
  expect(store.traits.durability).toBe("process");
  expect(await store.health()).toMatchObject({ ok: true, details: { synchronous: "normal" } });
  await mkdir(join(folder, "old"));
  await rename(path, join(folder, "old", "state.db"));
  expect((await store.health()).ok).toBe(false);
  expect((await openFor({ path: join(folder, "full.db") })).traits.durability).toBe("host");
});

it("trusts no SQLite before 3.51.3", () => {
  expect(["3.51.2", "3.50.9", "2.99.99", "3.9.0", ""].map(isSafeVersion)).toEqual([false, false, false, false, false]);
  expect(["3.51.3", "3.51.10", "3.52.0", "4.0.0"].map(isSafeVersion)).toEqual([true, true, true, true]);
});

it("marks its files, and counts its migrations in them", async () => {
  const path = join(await temporaryFolder(), "state.db");
  await openFor({ path });
  const database = (await loadDriver()).open(path);
  expect({ ...database.prepare("pragma application_id").get() }).toEqual({ application_id: applicationId });
  expect({ ...database.prepare("pragma user_version").get() }).toEqual({ user_version: migrations.length });
  database.close();
});

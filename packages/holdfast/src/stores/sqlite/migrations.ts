/**
 * The schema, as numbered steps that are only ever added to. `user_version` is the number of steps a file has seen;
 * `application_id` says that it is ours.
 */
import { HoldfastError } from "../../record/errors.ts";
import type { SqliteDatabase } from "./client.ts";

/** "hold", as the four bytes SQLite keeps in the file's header. */
export const applicationId = 0x686f6c64;

/**
 * owners: one row per principal that ever wrote; its floor outlives everything else. `stored`, `events` and `bytes` count
 * what is there, whatever its state; `kinds` counts live records, `commit_ids` what callers' ids are in `commits`.
 * records: `id` is creation order. `live` means "counted in the owner's row": it is set until the record ended or its
 * expiry was noticed. `expires_at` is empty once the record ended or was closed, so that `records_closing` finds what a sweep
 * has to close: what is retained is purged later than it expires. `meta` is what decisions are made on; small documents lie in the row, larger ones in `documents`;
 * the newest events lie in `tail` until there are enough of them to be worth a page in `events`, where
 * each row is a run of them, found by the position of its newest.
 */
export const migrations: readonly string[] = [
  `
  create table owners (
    id integer primary key,
    owner text not null unique,
    floor integer not null,
    import_floor integer not null,
    stored integer not null,
    events integer not null,
    bytes integer not null,
    commit_ids integer not null,
    kinds text not null
  ) strict;

  create table records (
    id integer primary key autoincrement,
    owner integer not null,
    kind text not null,
    record text not null,
    live integer not null,
    expires_at integer,
    purge_at integer,
    meta text not null,
    tail any,
    document any
  ) strict;
  create unique index records_key on records (owner, kind, record);
  create index records_listed on records (owner, kind, id) where live = 1;
  create index records_expiring on records (owner, expires_at) where live = 1 and expires_at is not null;
  create index records_due on records (purge_at) where purge_at is not null;

  create table documents (
    record integer primary key,
    document any not null
  ) strict;

  create table events (
    record integer not null,
    stream integer not null,
    last integer not null,
    run text not null,
    primary key (record, stream, last)
  ) strict, without rowid;

  create table commits (
    owner integer not null,
    id text not null,
    forget_at integer not null,
    caller integer not null,
    outcome text not null,
    primary key (owner, id)
  ) strict, without rowid;
  create index commits_due on commits (forget_at);

  create table secrets (
    name text primary key,
    secret blob not null
  ) strict, without rowid;
  insert into secrets (name, secret) values ('cursor', randomblob(16));
  `,
  "create index records_closing on records (expires_at) where purge_at > expires_at",
];

export const schemaVersion: number = migrations.length;

/**
 * Brings a file up to date inside one transaction of the caller's connection. Safe for any number of processes at
 * once: whoever gets the lock first does it, the others find it done. Throws what SQLite throws when it is busy.
 */
export function migrate(database: SqliteDatabase): void {
  if (checkVersion(database) === schemaVersion) return;
  database.exec("begin immediate");
  try {
    const from = checkVersion(database);
    for (const step of migrations.slice(from)) database.exec(step);
    database.exec(`pragma application_id = ${applicationId}; pragma user_version = ${schemaVersion}`);
    database.exec("commit");
  } catch (error) {
    if (database.isTransaction) database.exec("rollback");
    throw error;
  }
}

/** The file's schema version. Throws, having touched nothing, if the file is newer than this code or not ours. */
export function checkVersion(database: SqliteDatabase): number {
  if (database.isTransaction) return versionOf(database);
  // One moment of the file: another process may be making it just now.
  database.exec("begin");
  try {
    return versionOf(database);
  } finally {
    if (database.isTransaction) database.exec("rollback");
  }
}

function versionOf(database: SqliteDatabase): number {
  const id = pragma(database, "application_id");
  const version = pragma(database, "user_version");
  if (id !== applicationId && (id !== 0 || version !== 0 || hasTables(database))) {
    throw new HoldfastError(
      "CONFIGURATION",
      "the file is a database of another program; name a file of holdfast's own",
      {
        details: { applicationId: id },
      },
    );
  }
  if (version > schemaVersion) throw newerSchema(version);
  return version;
}

export function newerSchema(found: number): HoldfastError {
  return new HoldfastError(
    "SCHEMA_MISMATCH",
    `the database file has schema ${found}, written by a newer holdfast; this one knows up to ${schemaVersion}: update it`,
    { details: { found, known: schemaVersion } },
  );
}

function pragma(database: SqliteDatabase, name: "application_id" | "user_version"): number {
  return Number(database.prepare(`pragma ${name}`).get()?.[name]);
}

function hasTables(database: SqliteDatabase): boolean {
  return database.prepare("select 1 as found from sqlite_schema limit 1").get() !== undefined;
}

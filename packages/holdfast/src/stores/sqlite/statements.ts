/** Every statement of the hot paths, prepared once. Texts are constant; values are always parameters. */
import type { SqliteDatabase, SqliteStatement } from "./client.ts";

const texts = {
  begin: "begin",
  beginImmediate: "begin immediate",
  commit: "commit",
  rollback: "rollback",
  dataVersion: "pragma data_version",
  userVersion: "pragma user_version",

  findAccount: "select id, floor, import_floor, stored, events, bytes, commit_ids, kinds from owners where owner = ?",
  nextExpiry: "select min(expires_at) as at from records where owner = ? and live = 1 and expires_at is not null",
  insertAccount:
    "insert into owners (owner, floor, import_floor, stored, events, bytes, commit_ids, kinds) values (?, ?, ?, ?, ?, ?, ?, ?)",
  updateAccount:
    "update owners set floor = ?, import_floor = ?, stored = ?, events = ?, bytes = ?, commit_ids = ?, kinds = ? where id = ?",
  expiredKinds:
    "select kind, count(*) as count from records where owner = ? and live = 1 and expires_at <= ? group by kind",
  settleExpired: "update records set live = 0 where owner = ? and live = 1 and expires_at <= ? returning kind, record",

  findEntry: "select id, live, meta, tail, document from records where owner = ? and kind = ? and record = ?",
  insertEntry:
    "insert into records (owner, kind, record, live, expires_at, purge_at, meta, tail, document) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  deleteEntry: "delete from records where id = ?",
  updateMeta: "update records set meta = ? where id = ?",
  updateTail: "update records set meta = ?, tail = ? where id = ?",
  updateDocument: "update records set meta = ?, document = ? where id = ?",
  updateTailAndDocument: "update records set meta = ?, tail = ?, document = ? where id = ?",
  updateSchedule: "update records set live = ?, expires_at = ?, purge_at = ? where id = ?",

  findDocument: "select document from documents where record = ?",
  putDocument:
    "insert into documents (record, document) values (?, ?) on conflict do update set document = excluded.document",
  deleteDocument: "delete from documents where record = ?",

  insertRun: "insert into events (record, stream, last, run) values (?, ?, ?, ?)",
  runsOldest: "select last, run from events where record = ? and stream = ? and last >= ? order by last",
  runsNewest:
    "select last, run from events where record = ? and stream = ? and last <= (select min(last) from events where record = ? and stream = ? and last >= ?) order by last desc",
  trimEvents: "delete from events where record = ? and stream = ? and last <= ?",
  deleteEvents: "delete from events where record = ?",

  findCommit: "select forget_at, caller, outcome from commits where owner = ? and id = ?",
  putCommit: "insert or replace into commits (owner, id, forget_at, caller, outcome) values (?, ?, ?, ?, ?)",

  listOldest:
    "select record, id, live, meta, tail, document from records where owner = ? and kind = ? and live = 1 and id > ? order by id limit ?",
  listNewest:
    "select record, id, live, meta, tail, document from records where owner = ? and kind = ? and live = 1 and id < ? order by id desc limit ?",
} as const;

type StatementName = keyof typeof texts;

/** Prepares on first use, so that a statement nobody needs costs nothing. */
export class Statements {
  readonly #database: SqliteDatabase;
  readonly #prepared = new Map<string, SqliteStatement>();

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  get(name: StatementName): SqliteStatement {
    return this.sql(texts[name]);
  }

  /** Lets go of every statement: one of the drivers keeps a closed file open until its statements are collected. */
  release(): void {
    this.#prepared.clear();
  }

  /** For the rare paths, whose texts stand where they are used. `text` must be constant. */
  sql(text: string): SqliteStatement {
    const standing = this.#prepared.get(text);
    if (standing !== undefined) return standing;
    const statement = this.#database.prepare(text);
    this.#prepared.set(text, statement);
    return statement;
  }
}

/** The same work on the bare driver: what SQLite itself can do here, and what doing it one by one costs. */
import { DatabaseSync } from "@photostructure/sqlite";

import type { Raw } from "./rows.ts";

type Database = InstanceType<typeof DatabaseSync>;
type Statement = ReturnType<Database["prepare"]>;

const document = JSON.stringify({ items: ["x".repeat(270)], at: 0 });

export class RawSqlite implements Raw {
  readonly #db: Database;
  readonly #update: Statement;
  readonly #add: Statement;
  readonly #log: Statement;
  readonly #records: number;
  readonly #versions: number[];

  constructor(path: string, records: number) {
    this.#db = new DatabaseSync(path);
    this.#records = records;
    this.#db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE record (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, counter INTEGER NOT NULL, document TEXT NOT NULL) STRICT;
      CREATE TABLE log (id INTEGER PRIMARY KEY, record INTEGER NOT NULL, data TEXT NOT NULL) STRICT;
    `);
    const insert = this.#db.prepare("INSERT INTO record VALUES (?, 1, 0, ?)");
    this.#db.exec("BEGIN");
    for (let id = 0; id < records; id += 1) insert.run(id, document);
    this.#db.exec("COMMIT");
    this.#versions = Array.from({ length: records }, () => 1);
    this.#update = this.#db.prepare(
      "UPDATE record SET document = ?, version = version + 1 WHERE id = ? AND version = ?",
    );
    this.#add = this.#db.prepare("UPDATE record SET counter = counter + 1 WHERE id = ?");
    this.#log = this.#db.prepare("INSERT INTO log (record, data) VALUES (?, ?)");
  }

  /** Conditional update and a log row, 64 of them per transaction. */
  async updates(ms: number): Promise<number> {
    return this.#loop(64, ms, (id) => {
      const { changes } = this.#update.run(document, id, this.#versions[id] ?? 0);
      if (changes !== 1) throw new Error("the version did not stand");
      this.#versions[id] = (this.#versions[id] ?? 0) + 1;
      this.#log.run(id, '{"type":"updated"}');
    });
  }

  /** Counter and a log row, each in a transaction of its own. */
  async increments(ms: number): Promise<number> {
    return this.#loop(1, ms, (id) => {
      this.#add.run(id);
      this.#log.run(id, '{"type":"incremented"}');
    });
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #loop(size: number, ms: number, operation: (id: number) => void): number {
    const startedAt = performance.now();
    const until = startedAt + ms;
    let done = 0;
    while (performance.now() < until) {
      this.#db.exec("BEGIN IMMEDIATE");
      for (let i = 0; i < size; i += 1) {
        operation(done % this.#records);
        done += 1;
      }
      this.#db.exec("COMMIT");
    }
    return (done / (performance.now() - startedAt)) * 1000;
  }
}
